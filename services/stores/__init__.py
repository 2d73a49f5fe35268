"""Where rows and bytes are kept: SQLite and a folder today, behind the ports of the pipeline."""
