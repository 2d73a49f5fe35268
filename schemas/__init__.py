"""Shapes, ids and errors: the vocabulary every other package speaks; imports nothing of ours."""
