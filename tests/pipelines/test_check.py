"""What `bookeo check` takes for granted."""

from __future__ import annotations

import pytest

from bookeo_pipelines.status.check import NEEDED, KeyCheck


@pytest.mark.parametrize(
    ("permissions", "missing"),
    [
        (tuple(NEEDED), ()),
        (("bookings_rw_all", "customers_rwd_all", "payments_rw_all", "blocks_rwd_all"), ()),
        (("bookings_w_all", "customers_r_all"), ("bookings_r_all", "payments_r_all")),
        ((), tuple(NEEDED)),
    ],
)
def test_reading_and_writing_includes_reading(permissions: tuple[str, ...], missing: tuple[str, ...]) -> None:
    assert KeyCheck(None, "A", permissions, "https://x", None).missing == missing
