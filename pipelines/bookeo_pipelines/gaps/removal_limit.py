"""How many rows one run may mark as deleted or remove: more of them have rather been hidden from the api key."""

from __future__ import annotations

FEW = 20
"""So many may always go."""
SHARE = 0.05
"""The share of the rows looked at that may go."""


def exceeds_limit(gone: int, held: int, accepted: int = 0) -> bool:
    """Decide whether so many rows are too many to go without a word from the user.

    Args:
        gone: Rows that the API does not show any more.
        held: Rows that were looked at, those included.
        accepted: Rows that the user lets go.

    Returns:
        Whether they are more than 20, more than 5 % and more than the user accepts.
    """
    return gone > max(FEW, SHARE * held, accepted)
