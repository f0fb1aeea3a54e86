"""The library in memory: tracks, albums, artists and genres, listed and searched."""
