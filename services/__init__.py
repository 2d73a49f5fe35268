"""Processes of Quire and what they are made of: API, CLI, stores, and the one place that wires them."""
