"""The recommender and the library over HTTP, on Ray Serve."""
