"""What has been read, what a load asks for next, and the state that remembers it."""
