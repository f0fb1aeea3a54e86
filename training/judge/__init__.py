"""How good a recommender is, and whether it takes over."""
