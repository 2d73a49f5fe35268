"""Queries over the fields of all documents: read the JSON, plan it against what is known, ask for rows."""
