"""The `bookeo` command; the only part that may change its process."""
