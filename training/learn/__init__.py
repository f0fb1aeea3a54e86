"""From arrays to a fitted recommender: the network, its training, the trees, and the search for parameters."""
