"""Page readers behind one port: CPU OCR, scripted answers, and (later) vLLM and torch."""
