"""From plays and tracks in MongoDB to sessions in Parquet."""
