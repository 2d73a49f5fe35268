"""The pure document recipe: bytes in, page content and fields out; knows no database, network or process."""
