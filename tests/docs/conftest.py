"""The database that the commands of the marts' section make is that of the dashboard's tests, too."""

from __future__ import annotations

from business_with_marts import built

__all__ = ["built"]
