"""What people touch: the listening page and the command line."""
