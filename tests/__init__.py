"""Tests, samples, evaluation and drills; nothing in the product imports them."""
