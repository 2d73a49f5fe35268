"""Splits a scan of several documents into its documents and says what each of them is."""
