"""Records as the JSON that the API shows."""
