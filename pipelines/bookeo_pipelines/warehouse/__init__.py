"""What is in the destination: questions, locks, load packages, deletions, comments."""
