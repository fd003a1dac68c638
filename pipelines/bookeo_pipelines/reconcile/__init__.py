"""The API against the warehouse: what differs, and mending it."""
