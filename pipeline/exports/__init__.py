"""Pages as other formats: hOCR, ALTO, chunks for retrieval; pure, a page at a time."""
