"""Tables made from archived responses instead of from the API."""
