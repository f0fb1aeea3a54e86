"""What every listener did lately, as known this very moment."""
