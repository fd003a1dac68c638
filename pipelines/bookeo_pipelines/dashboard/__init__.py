"""The owner's dashboard: figures out of the marts, and charts of them. The page is `notebooks/dashboard.py`."""
