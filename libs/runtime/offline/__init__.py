"""What the offline verbs of scoring and triggers share: pages, pictures, conditions that lack data."""
