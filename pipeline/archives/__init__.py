"""Archives as streams of entries: hostile bytes read in bounded pieces, names as data."""
