"""What a track sounds like: frames, features, and the vectors that a fitted normaliser makes of them."""
