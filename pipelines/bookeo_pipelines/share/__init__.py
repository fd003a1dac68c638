"""Handing on what is loaded: answers to queries, copies for readers, files for other programs."""
