"""How things stand: keys, settings, loads."""
