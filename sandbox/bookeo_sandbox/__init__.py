"""A local Bookeo."""
