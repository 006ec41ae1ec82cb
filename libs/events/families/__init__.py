"""One frozen model for each event type, one file for each family of life in a shop."""
