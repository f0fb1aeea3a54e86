"""What a file says about itself: its tags as text and as bytes, its cover, and where a compressed file came from."""
