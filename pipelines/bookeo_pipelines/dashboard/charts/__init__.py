"""Charts of the dashboard: Altair specifications made from frames."""
