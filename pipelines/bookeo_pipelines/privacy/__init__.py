"""Personal data in a warehouse: an inventory, access for a person, and erasure."""
