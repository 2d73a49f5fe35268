"""Durable execution: claim a job, run its step, commit it, or say why not."""
