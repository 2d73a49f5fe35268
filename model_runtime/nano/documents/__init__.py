"""The kinds of synthetic pages; each module sets one kind on a sheet."""
