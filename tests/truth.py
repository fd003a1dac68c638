"""The rows that each table must hold, made from the sandbox's records by rules of its own, and compared one by one.

Nothing here imports the package under test: `truth_columns` says once more what every column is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from places import Place
from stored import DATASET, Connection, Row, ask, contents, query, reading, rows_in, stored_rows, table_types, types_in
from truth_columns import (
    ALL_TABLES,
    BOOKING_LISTS,
    DRIFTING,
    FETCHED,
    KEYS,
    LEDGER_TYPES,
    WITH_EXTRA,
    WITHOUT_SETS,
    expected_types,
    specification,
)

__all__ = [
    "ALL_TABLES",
    "BOOKING_LISTS",
    "DATASET",
    "assert_equals_truth",
    "assert_ledger_covers",
    "contents",
    "convert",
    "expected_rows",
    "query",
    "stored_rows",
    "table_types",
]

Rows = dict[tuple[Any, ...], Row]


def look_up(record: Any, path: str) -> Any:
    """Follows a dotted path; None where something on the way is not there."""
    for one in path.split("|"):
        value = record
        for name in one.split("."):
            if not name:
                continue
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


def convert(kind: str, value: Any) -> Any:
    """What a value of the API must be in the destination."""
    if value is None:
        return None
    if kind == "time":
        return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(UTC)
    if kind == "offset":
        offset = datetime.fromisoformat(value.replace("Z", "+00:00")).utcoffset()
        assert offset is not None
        return offset // timedelta(minutes=1)
    if kind == "local_date":
        return date.fromisoformat(value[:10])
    if kind == "local_time":
        return time.fromisoformat(value[11:19])
    if kind == "date":
        return date.fromisoformat(value[:10])  # some dates come as points in local time
    if kind == "amount":
        assert isinstance(value, str), "amounts are texts"
        return Decimal(value).quantize(Decimal("0.0001"))
    if kind in ("text", "bool", "int"):
        assert isinstance(value, {"text": str, "bool": bool, "int": int}[kind]), f"{value!r} is no {kind}"
    return value


def _row(table: str, record: Any, key: Mapping[str, Any], **more: Any) -> Row:
    values = {name: convert(kind, look_up(record, path)) for name, kind, path in specification(table) if path != "-"}
    return {**key, **values, **more}


def expected_rows(truth: Mapping[str, Any], *, unlinked_payments: bool = False) -> dict[str, list[Row]]:
    """Makes the rows of every table.

    Args:
        truth: What `Sandbox.truth` gives.
        unlinked_payments: Whether payments that belong to no booking are among them.

    Returns:
        Rows by table, without `account_id`, `fetched_at` and the like.
    """
    rows: dict[str, list[Row]] = {table: [] for table in ALL_TABLES}
    for booking in truth["bookings"]:
        key = {"booking_number": booking["bookingNumber"]}
        rows["bookings"].append(row := _row("bookings", booking, key, deleted_at=None))
        for table, path in BOOKING_LISTS.items():
            for position, item in enumerate(look_up(booking, path) or []):
                rows[table].append(_row(table, item, {**key, "position": position}, updated_at=row["updated_at"]))
        rows["customer_bookings"].append(
            _row("customer_bookings", booking, {"customer_id": booking["customerId"], **key})
        )
    booked = {booking["customerId"] for booking in truth["bookings"]}
    for customer in truth["customers"]:
        if customer["id"] not in booked:
            continue  # no booking leads to them
        key = {"customer_id": customer["id"]}
        rows["customers"].append(_row("customers", customer, key, deleted_at=None))
        for table, field in (("customer_phone_numbers", "phoneNumbers"), ("customer_custom_fields", "customFields")):
            for position, item in enumerate(customer.get(field, [])):
                rows[table].append(_row(table, item, {**key, "position": position}))
    for payment in truth["payments"]:
        if unlinked_payments or "bookingNumber" in payment:
            rows["payments"].append(_row("payments", payment, {"payment_id": payment["id"]}))
    _settings_rows(truth["settings"], rows)
    return rows


def _settings_rows(settings: Mapping[str, Any], rows: dict[str, list[Row]]) -> None:
    rows["business"].append(_row("business", settings["business"], {}))
    for product in settings["products"]:
        key = {"product_id": product["productId"]}
        rows["products"].append(_row("products", product, key))
        for table, field in (("product_rates", "defaultRates"), ("product_limits", "bookingLimits")):
            for position, item in enumerate(product.get(field, [])):
                rows[table].append(_row(table, item, {**key, "position": position}))
    for kind in settings["resources"]:
        of_type = {
            "resource_type_id": kind["id"],
            "resource_type_name": kind["name"],
            "resource_type_is_public": kind["isPublic"],
        }
        rows["resource_types"].append(_row("resource_types", kind, {"resource_type_id": kind["id"]}))
        for resource in kind["resources"]:
            rows["resources"].append(_row("resources", resource, {"resource_id": resource["id"]}, **of_type))
    for table, name, key_name in (
        ("people_categories", "peoplecategories", "people_category_id"),
        ("taxes", "taxes", "tax_id"),
    ):
        rows[table] += [_row(table, item, {key_name: item["id"]}) for item in settings[name]]


def assert_equals_truth(
    database: Path | Place,
    sandbox: Any,
    account: Any = None,
    *,
    tables: Iterable[str] = ALL_TABLES,
    dataset: str = DATASET,
    earlier: Sequence[Mapping[str, Any]] = (),
    drift_allowed: bool = False,
    vanished: str = "kept",
    customer_sources: frozenset[str] = frozenset({"endpoint", "embedded", "list"}),
    unlinked_payments: bool = False,
    linked_by: frozenset[str | None] = frozenset({"endpoint"}),
    ignore: Mapping[str, frozenset[str]] | None = None,
    interrupted: bool = False,
) -> None:
    """Compares tables with what the sandbox holds: every row, every column, every type.

    Args:
        database: The DuckDB file, or another place.
        sandbox: The sandbox (its `truth` is asked).
        account: Which of its accounts; None: the first.
        tables: The tables to compare; the database must hold these and no rows of the account in others.
        dataset: The schema in the file.
        earlier: Truths at earlier loads: a customer's `DRIFTING` columns may still be as they were then.
        drift_allowed: Whether those columns may be anything at all.
        vanished: `kept`: rows about vanished bookings and customers may be there; `absent`: they must not;
            `marked`: vanished bookings have `deleted_at`, whatever else is there about them.
        customer_sources: What `customers.source` may say.
        unlinked_payments: Whether payments that belong to no booking must be there, too.
        linked_by: What `payments.linked_by` may say.
        ignore: Columns, by table, whose values are not compared.
        interrupted: Whether rows may be older than the first load that came to its end.
    """
    truth = sandbox.truth(account)
    account_id = truth["accountId"]
    wanted = expected_rows(truth, unlinked_payments=unlinked_payments)
    past = [expected_rows(one, unlinked_payments=unlinked_payments) for one in earlier]
    with database.reading() if isinstance(database, Place) else reading(database) as connection:
        types = types_in(connection, dataset)
        stored = {t: rows_in(connection, dataset, t, types[t], account_id) for t in tables if t in types}
        first = _first_load(connection, dataset, account_id) if "load_runs" in types and not interrupted else None
    for table in tables:
        if table not in types:
            assert not wanted[table], f"{table} is missing"
            continue
        _compare_types(table, types[table])
        found = stored[table]
        for row in found:
            _check_own_columns(table, row, customer_sources, linked_by, account_id, first)
        gone = [row for row in found if _is_vanished(row, truth)]
        if vanished == "absent":
            assert not gone, f"{table} holds {len(gone)} rows about what has vanished"
        elif vanished == "marked" and table == "bookings":
            assert all(row["deleted_at"] for row in gone), "a vanished booking is not marked"
        stays = [row for row in found if not _is_vanished(row, truth)]
        _compare_rows(
            table,
            _by_key(table, wanted[table]),
            _by_key(table, stays),
            [_by_key(table, one[table]) for one in past],
            drift_allowed=drift_allowed,
            ignore=(ignore or {}).get(table, frozenset()),
        )
    assert_no_float(types)


def assert_no_float(types: Mapping[str, Mapping[str, str]]) -> None:
    """No column of any table is a float, dlt's own tables aside."""
    floats = [
        f"{table}.{column}"
        for table, columns in types.items()
        for column, kind in columns.items()
        if kind in ("FLOAT", "DOUBLE", "REAL") and not table.startswith("_dlt")
    ]
    assert not floats, f"floats: {floats}"


def _compare_types(table: str, found: Mapping[str, str]) -> None:
    found = {name: kind for name, kind in found.items() if not name.startswith("_dlt")}
    assert found == expected_types(table), f"the columns of {table} are not as declared"


def _first_load(connection: Connection, dataset: str, account_id: str) -> datetime | None:
    """When the first load of an account began, as the book of runs says; None where it has no load."""
    sql = f"SELECT min(started_at) FROM {dataset}.load_runs WHERE account_id = ?"
    [(first,)] = ask(connection, sql, account_id)
    assert first is None or isinstance(first, datetime)
    return first


def _check_own_columns(
    table: str,
    row: Row,
    customer_sources: frozenset[str],
    linked_by: frozenset[str | None],
    account_id: str,
    first_load: datetime | None,
) -> None:
    """Takes out the columns that the API does not give, having checked them."""
    assert row.pop("account_id") == account_id
    if table in FETCHED:
        fetched = row.pop("fetched_at")
        assert fetched is not None
        if first_load is not None:
            late = fetched - first_load
            assert timedelta(0) <= late < timedelta(days=1), (
                f"{table}.fetched_at is {fetched}, {late} after {first_load}"
            )
    if table in WITH_EXTRA:
        assert row.pop("extra") is None, f"{table} has something in extra"
    if table not in WITHOUT_SETS:
        assert row.pop("_deleted") in (False, None), f"{table} holds a tombstone"
    if table == "customers":
        assert row.pop("source") in customer_sources
    if table == "payments":
        assert row.pop("linked_by") in linked_by


def _is_vanished(row: Row, truth: Mapping[str, Any]) -> bool:
    return row.get("booking_number") in truth["deletedBookings"] or row.get("customer_id") in truth["deletedCustomers"]


def _by_key(table: str, rows: Iterable[Row]) -> Rows:
    found: Rows = {}
    for row in rows:
        key = tuple(row[name] for name in KEYS[table])
        assert key not in found, f"{table} holds {key} twice"
        found[key] = row
    return found


def _compare_rows(
    table: str, wanted: Rows, found: Rows, past: Sequence[Rows], *, drift_allowed: bool, ignore: frozenset[str]
) -> None:
    missing, surplus = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    assert not missing, f"{table} lacks {len(missing)} of {len(wanted)} rows, such as {min(missing, key=str)}"
    assert not surplus, f"{table} has {len(surplus)} rows too many, such as {min(surplus, key=str)}"
    for key, right in wanted.items():
        row = found[key]
        assert row.keys() == right.keys(), f"{table}: {row.keys() ^ right.keys()}"
        for name, value in right.items():
            if name in ignore or (name in DRIFTING and drift_allowed):
                continue
            allowed = [value]
            if name in DRIFTING:
                allowed += [rows[key][name] for rows in past if key in rows]
            assert any(same(row[name], one) for one in allowed), (
                f"{table}.{name} of {key} is {row[name]!r}, not {value!r}"
            )


def same(found: Any, right: Any) -> bool:
    """Equal and of the same kind: 1 is not True, and a Decimal is no text."""
    return type(found) is type(right) and found == right


def assert_ledger_covers(
    database: Path, account_id: str, since: datetime, until: datetime, dataset: str = DATASET
) -> None:
    """The ledger's windows are complete, at most 31 days long, and leave out no second of a range.

    Args:
        database: The DuckDB file.
        account_id: The account.
        since: First second of the range, aware.
        until: Last second of the range, aware.
        dataset: The schema in the file.
    """
    types = table_types(database, dataset)["load_windows"]
    assert {name: kind for name, kind in types.items() if not name.startswith("_dlt")} == LEDGER_TYPES
    rows = [row for row in stored_rows(database, "load_windows", account_id, dataset) if row["resource"] == "bookings"]
    assert rows, "the ledger is empty"
    reached = since - timedelta(seconds=1)
    for row in sorted(rows, key=lambda row: row["window_start"]):
        assert row["status"] == "complete"
        assert row["items_announced"] == row["items_landed"]
        assert row["window_end"] - row["window_start"] <= timedelta(days=31)
        assert row["window_start"] <= reached + timedelta(seconds=1), f"nobody asked after {reached}"
        reached = max(reached, row["window_end"])
    assert reached >= until, f"the ledger ends at {reached}, not {until}"
