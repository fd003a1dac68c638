"""What the warehouse knows of payments and of the bookings that they belong to, for the payments feed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pyarrow as pa

from bookeo_pipelines.warehouse.client import Warehouse


class WarehouseLinks:
    """Tells the payments feed which bookings and payments the warehouse holds (`PaymentLinks`).

    Args:
        warehouse: The warehouse.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.linked_before: set[str] = set()
        """Bookings that payments read now were linked to; they may have lost them."""

    def customers_of(self, booking_numbers: Collection[str]) -> Mapping[str, str | None]:
        """Finds bookings.

        Args:
            booking_numbers: Numbers as read from descriptions.

        Returns:
            The customer's id (None if there is none) for each of them that exists.
        """
        return dict(self._rows("bookings", "booking_number, customer_id", "booking_number", booking_numbers))

    def linked_by_endpoint(self, payment_ids: Collection[str]) -> Mapping[str, str | None]:
        """Finds payments whose booking the API itself has named.

        Args:
            payment_ids: Ids of payments.

        Returns:
            The booking's number for each of them; None where the API said that it is not the one in the text.
        """
        rows = list(self._rows("payments", "payment_id, booking_number, linked_by", "payment_id", payment_ids))
        self.linked_before.update(number for _, number, _ in rows if number)
        return {payment: number for payment, number, linked_by in rows if linked_by == "endpoint"}

    def held(self, payments: pa.Table) -> Collection[str]:
        """Finds payments that the warehouse holds exactly as they are.

        Args:
            payments: Rows of the table `payments`, linked.

        Returns:
            Their ids.
        """
        names = [name for name in payments.column_names if name not in ("fetched_at", "_deleted")]
        given = dict(
            zip(
                payments["payment_id"].to_pylist(),
                zip(*(payments[name].to_pylist() for name in names), strict=True),
                strict=True,
            )
        )
        times = [received for received in payments["received_time"].to_pylist() if received is not None]
        # A table of an older version lacks columns: what it holds is not all that is known now.
        if not times or not all(self._warehouse.has_column("payments", name) for name in names):
            return ()
        columns = ", ".join(["payment_id", *names])
        # Rows lie in the order of time, as they were read: a destination need not look through all of them.
        within = " AND received_time >= %s AND received_time <= %s"
        rows = self._rows("payments", columns, "payment_id", given, within, min(times), max(times))
        return {payment for payment, *values in rows if given[payment] == tuple(values)}

    def _rows(
        self, table: str, columns: str, key: str, values: Collection[str], further: str = "", *marks: Any
    ) -> Iterator[Any]:
        if not self._warehouse.has(table):
            return
        for among, keys in self._warehouse.among(sorted(values)):
            sql = f"SELECT {columns} FROM {{{table}}} WHERE account_id = %s AND {key} IN ({among}){further}"
            yield from self._warehouse.rows(sql, self._warehouse.account_id, *keys, *marks)
