"""Sound and pictures as they stream: files as they are, or converted while somebody listens."""
