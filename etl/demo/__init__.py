"""Music for those who have none at hand: free music from Debian's packages, or pieces composed on the spot."""
