"""What a training has before it begins: signals, sessions and tracks as arrays, and what stands together."""
