"""Personal data kept, hashed or dropped, and people erased, in Arrow tables and in JSON alike."""
