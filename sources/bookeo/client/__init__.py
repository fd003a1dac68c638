"""The operations of the Bookeo API, one typed method each."""
