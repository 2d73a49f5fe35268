"""Whole processes, started, killed and started again."""
