"""Rebuilding the tables of a warehouse from the archive."""
