"""What every request meets: who may call, how much, under which names, and how errors are told."""
