"""Real servers for tests: those of the environment, else programs of the system, else those of wheels."""
