"""Serves a business over HTTP, with faults on demand, and lets tests control it."""
