"""Invents businesses: what they sell, who books it, and what happens as time passes."""
