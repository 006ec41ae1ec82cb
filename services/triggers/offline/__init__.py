"""Rules tried on the past: daily frames of health in, what would have fired out."""
