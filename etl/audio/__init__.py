"""One file's sound: what is in it, one pass of FFmpeg over it, and its compressed copy in the media store or its own place."""
