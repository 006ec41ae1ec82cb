"""What the offline verbs of `greenline scoring` do: files in, files, a table or words out."""
