"""The dlt source."""
