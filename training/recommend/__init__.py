"""The recommender that is evaluated and served: candidates, their order, their reasons, its bundle on the disk."""
