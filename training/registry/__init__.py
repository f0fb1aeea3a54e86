"""The registered models: which versions there are, which one serves, and which may."""
