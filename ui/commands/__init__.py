"""What each command of `segue` does; `ui/cli.py` gives them their names."""
