"""From tracks and plays in MongoDB to a recommender in the MLflow registry."""
