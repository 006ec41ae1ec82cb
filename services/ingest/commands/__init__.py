"""The verbs of `greenline ingest` that need more than a call."""
