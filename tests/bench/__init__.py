"""Commands that measure the running service: evaluation, drills, benches; each prints `name value` lines."""
