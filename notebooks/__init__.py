"""Notebooks over the marts: the owner's dashboard, and a guided tour for Jupyter."""
