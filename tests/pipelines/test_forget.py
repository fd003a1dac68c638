"""A customer is forgotten: no byte is left in any file, figures stay to the cent, and no load brings them back."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bookeo_pipelines.destinations.target import DatabaseUnusable, Target
from bookeo_pipelines.privacy import erasure as forget
from bookeo_pipelines.privacy import subjects as forget_subjects
from bookeo_pipelines.share.publish import publish
from bookeo_sandbox import Sandbox
from canaries import MARK, PHONE, SIGNS, answer_through, enriched, found_in, left_behind, person, planted
from command_runs import Run
from loading import END, load
from stored import query

FIGURES = """
    SELECT count(*), count(DISTINCT booking_number), count(DISTINCT customer_id), sum(total_gross_amount),
        sum(total_net_amount), sum(total_taxes_amount), sum(total_paid_amount), count(*) FILTER (WHERE canceled)
    FROM bookeo_data.bookings
    UNION ALL SELECT count(*), count(DISTINCT booking_number), count(DISTINCT customer_id), sum(amount), 0, 0, 0, 0
    FROM bookeo_data.payments
    UNION ALL SELECT count(*), count(DISTINCT booking_number), count(DISTINCT position), sum(number), 0, 0, 0, 0
    FROM bookeo_data.booking_participants
    UNION ALL SELECT count(*), count(DISTINCT booking_number), sum(quantity), sum(unit_price_amount), 0, 0, 0, 0
    FROM bookeo_data.booking_price_adjustments
    UNION ALL SELECT count(*), count(DISTINCT customer_id), 0, sum(credit_amount), 0, 0, 0, 0 FROM bookeo_data.customers
    UNION ALL SELECT count(*), count(DISTINCT customer_id), 0, sum(total_gross_amount), 0, 0, 0, 0
    FROM bookeo_data.customer_bookings
    UNION ALL SELECT count(*), count(DISTINCT booking_number), 0, 0, 0, 0, 0, 0 FROM bookeo_data.booking_people
    UNION ALL SELECT count(*), count(DISTINCT resource_id), count(DISTINCT name), 0, 0, 0, 0, 0
    FROM bookeo_data.booking_resources
    UNION ALL SELECT count(*), count(DISTINCT customer_id), 0, sum(gross), 0, 0, 0, 0 FROM bookeo_marts.customers
"""


def about(customer: str, others_booking: str) -> Any:
    """Changes answers: all that is told about a customer bears marks, another booking links to them, and names them."""

    def change(operation: str, answer: Any) -> Any:
        if answer.get("id") == customer:
            return planted(person(**answer))
        if not isinstance(answer.get("data"), list) or operation.startswith("GET /settings"):
            return answer
        return {**answer, "data": [record(row) for row in answer["data"]]}

    def record(row: dict[str, Any]) -> dict[str, Any]:
        if row.get("customerId") == customer:
            if "participants" in row:
                resources = row.get("resources")
                row = enriched(row)
                if "customer" in row:
                    row["customer"] = person(**row["customer"], undeclared=MARK)
                for detail in row["participants"].get("details", []):
                    detail.update(
                        personId=f"{customer}L0", personDetails=person(id=f"{customer}L0", customerId=customer)
                    )
                return (
                    planted(row)
                    | ({"resources": resources} if resources else {})
                    | {"undeclared": f"{customer} {MARK}"}
                )
            return planted({"comment": "", **row})
        if row.get("bookingNumber") == others_booking and "participants" in row:
            row["participants"]["details"] = [
                {
                    **detail,
                    "personId": f"{customer}L1",
                    "personDetails": planted(person(id=f"{customer}L1", customerId=customer)),
                }
                for detail in row["participants"].get("details", [])
            ]
            row["options"] = [{"id": "o", "name": "Sit with", "value": f"next to {MARK}  LASTNAME, {MARK} firstname"}]
        if row.get("description") == f"Booking {others_booking}":
            row["comment"] = f"Paid by 0{PHONE[3:].replace(' ', '-')}, customer {customer}"
        return row

    return change


@pytest.fixture
def customer(sandbox: Sandbox) -> str:
    """The customer with the most bookings."""
    bookings = sandbox.truth()["bookings"]
    return str(Counter(booking["customerId"] for booking in bookings).most_common(1)[0][0])


def test_a_customer_is_forgotten(
    folder: Path,
    sandbox: Sandbox,
    keys: Sandbox,
    loaded: Path,
    customer: str,
    monkeypatch: pytest.MonkeyPatch,
    bookeo: Run,
) -> None:
    truth = sandbox.truth()
    theirs = [booking["bookingNumber"] for booking in truth["bookings"] if booking["customerId"] == customer]
    paid = {payment.get("bookingNumber") for payment in truth["payments"]}
    other = next(b for b in truth["bookings"] if b["customerId"] != customer and b["bookingNumber"] in paid)
    [was] = [one for one in truth["customers"] if one["id"] == customer]
    signs = (*SIGNS, customer, was["emailAddress"])
    answer_through(monkeypatch, about(customer, other["bookingNumber"]))
    archive = str(folder / "archive")
    monkeypatch.setenv("SOURCES__BOOKEO__ARCHIVE", archive)

    def load_again() -> None:
        sandbox.advance(minutes=1)
        for number in (*theirs, other["bookingNumber"]):
            sandbox.touch(number)
        load(sandbox, loaded, archive=archive, tables=TABLES)

    # One of their bookings cannot be read, and is still held as it was before.
    sandbox.override(theirs[0], {"bookingNumber": theirs[0], "customerId": customer, "title": MARK, "startTime": MARK})
    load_again()
    sandbox.override(theirs[0], None)
    with duckdb.connect(str(loaded)) as connection:
        # As a version of before left it: what names a visitor stands among what says where the booking came from.
        old = (
            "UPDATE bookeo_data.bookings SET source = ?, source_ids = NULL, source_name = NULL WHERE booking_number = ?"
        )
        connection.execute(old, [f"utm_source=paper|gclid={MARK}", theirs[-1]])
        connection.execute(MARTS)
        # Other destinations' rows are staged, as those of files were once; a load that was killed leaves them there.
        connection.execute("CREATE SCHEMA bookeo_data_staging")
        for table in ("bookings", "_dlt_version"):
            connection.execute(f"CREATE TABLE bookeo_data_staging.{table} AS FROM bookeo_data.{table}")
    loaded.chmod(0o640)
    copy = folder / "readers.duckdb"
    assert publish(Target(database=loaded), copy)
    # Killed commands leave copies and what did not fit into memory; the archive was an option once.
    for left in (folder / ".readers.duckdb.x1.new", folder / f"{loaded.name}.tmp"):
        left.mkdir()
        shutil.copy(copy, left / "left.duckdb")
    monkeypatch.delenv("SOURCES__BOOKEO__ARCHIVE")
    figures = query(loaded, FIGURES)
    held = {name for name, content in left_behind(folder) if found_in(content, signs)}
    places = ("duckdb", ".bookings", ".booking_people", ".payments", ".rejected_rows", "_marts", "_staging.", "readers")
    for place in (*places, ".zst"):
        assert any(place in name for name in held), place

    assert query(loaded, NOTED) == [("archive", archive), ("publish", str(copy))]

    # Interrupted before the file is written anew, the same command does the rest.
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(forget, "compact", broken)
        interrupted = bookeo("forget", "--customer", customer, "--yes")
    assert (interrupted.code, interrupted.err) == (1, "Error: There is no room for a second file.\n")
    assert found_in(loaded.read_bytes(), signs), "DuckDB leaves what was changed in free blocks; or is that over?"
    done = bookeo("forget", "--customer", customer, "--yes")
    assert done.code == 0, done
    assert "stay theirs" not in done.out
    assert not found_in((done.out + done.err).encode(), signs)
    assert {name: found for name, content in left_behind(folder) if (found := found_in(content, signs))} == {}
    assert query(loaded, FIGURES) == figures
    assert query(loaded, f"SELECT DISTINCT label FROM bookeo_marts.customers WHERE {IS_FORGOTTEN}") == [(None,)]
    assert query(loaded, f"SELECT count(*) FROM bookeo_marts.seen WHERE {IS_FORGOTTEN}") == [(len(theirs),)]
    assert query(loaded, "SELECT count(*) > 100 FROM duckdb_columns() WHERE comment IS NOT NULL") == [(True,)]
    assert loaded.stat().st_mode & 0o777 == 0o640

    # What others wrote about them, Bookeo tells again; it is recognized in any spelling.
    load_again()
    assert {name: found for name, content in left_behind(folder) if (found := found_in(content, signs))} == {}
    assert query(loaded, FIGURES) == figures


TABLES = (
    *("bookings", "booking_participants", "booking_people", "booking_options", "booking_resources"),
    *("customers", "customer_phone_numbers", "payments", "customer_bookings"),
)
NOTED = "SELECT kind, place FROM bookeo_data.data_copies ORDER BY kind"
PAIR = """
    SELECT min(customer_id), min_by(email_address, customer_id), max(customer_id) FROM bookeo_data.customers
    WHERE email_address IS NOT NULL AND first_name IS NOT NULL
"""
INACTIVE = """
    SELECT customer_id FROM bookeo_data.customers c LEFT JOIN bookeo_data.bookings b USING (account_id, customer_id)
        LEFT JOIN bookeo_data.payments p USING (account_id, customer_id)
    GROUP BY 1 HAVING greatest(
        max(c.creation_time), max(b.creation_time), max(b.start_time), max(b.end_time), max(p.creation_time),
        max(p.received_time), max(c.start_time_of_next_booking), max(c.start_time_of_previous_booking)
    ) < ?
"""
IS_FORGOTTEN = "customer_id LIKE 'forgotten-%'"
MARTS = """
    CREATE SCHEMA bookeo_marts;
    CREATE TABLE bookeo_marts.customers AS
    SELECT account_id, customer_id, account_id || '|' || customer_id AS customer_key,
        any_value(first_name || ' ' || last_name) AS label, any_value(email_address) AS customer_email,
        sum(total_gross_amount) AS gross
    FROM bookeo_data.bookings JOIN bookeo_data.customers USING (account_id, customer_id) GROUP BY ALL;
    CREATE VIEW bookeo_marts.seen AS SELECT customer_id, title FROM bookeo_data.bookings;
"""


def broken(target: Target) -> None:
    raise DatabaseUnusable("There is no room for a second file.")


def test_who_is_found_by_address_and_what_is_certified(loaded: Path, folder: Path, bookeo: Run) -> None:
    [(customer, email, other)] = query(loaded, PAIR)
    with duckdb.connect(str(loaded)) as connection:
        # The same person, met twice.
        same = "UPDATE bookeo_data.customers SET email_address = upper(?) WHERE customer_id = ?"
        connection.execute(same, [email, other])
    assert bookeo("export", "--tables", "customers").code == 0
    before = loaded.read_bytes()
    planned = bookeo("forget", "--email", f" {email} ", "--dry-run")
    assert planned.code == 0
    assert "Customers found: 2." in planned.out
    assert planned.out.endswith("Nothing was changed.\n")
    assert loaded.read_bytes() == before
    shown = bookeo("person", "--email", email)
    assert shown.code == 0, shown.err
    held = json.loads(shown.out)
    assert held["customer_ids"] == sorted([customer, other])
    assert {row["email_address"] for row in held["rows"]["customers"]} == {email, email.upper()}
    theirs = query(
        loaded, "SELECT booking_number FROM bookeo_data.bookings WHERE customer_id IN (?, ?)", customer, other
    )
    assert sorted(row["booking_number"] for row in held["rows"]["bookings"]) == sorted(number for (number,) in theirs)
    assert bookeo("person", "--customer", customer, "--output", "person.html").code == 0
    assert email in (folder / "person.html").read_text()
    assert (folder / "person.html").stat().st_mode & 0o077 == 0

    done = bookeo("forget", "--email", email, "--yes", "--certificate", "certificate.json")
    # Who else needs the files of an export, only their owner can tell.
    assert done.code == 1
    assert f"NOT treated: {folder / 'export'}" in done.out
    [certified] = json.loads((folder / "certificate.json").read_text())
    assert len(certified["pseudonyms"]) == certified["rows"]["customers"] == 2
    assert len(certified["searched"]) > 15
    assert list(certified["untreated"]) == [str(folder / "export")]
    for said in (done.out, json.dumps(certified)):
        assert not found_in(said.encode(), (customer, other, email))
    assert not found_in(loaded.read_bytes(), (email,))
    again = bookeo("forget", "--email", email, "--yes")
    assert (again.code, again.err) == (
        1,
        "Error: Nothing is held about a customer with this e-mail address in bookeo.duckdb, schema bookeo_data.\n",
    )


def test_namesakes_are_counted_and_stay(loaded: Path, bookeo: Run) -> None:
    [(customer, _, _)] = query(loaded, PAIR)
    with duckdb.connect(str(loaded)) as connection:
        connection.execute("UPDATE bookeo_data.booking_people SET first_name = NULL, last_name = NULL")
        connection.execute(
            """
            UPDATE bookeo_data.booking_people p SET first_name = upper(c.first_name), last_name = c.last_name
            FROM bookeo_data.customers c, bookeo_data.bookings b
            WHERE c.customer_id = ? AND b.booking_number = p.booking_number AND b.customer_id <> c.customer_id
            """,
            [customer],
        )
        [(namesakes,)] = connection.execute("SELECT count(first_name) FROM bookeo_data.booking_people").fetchall()
    assert namesakes
    done = bookeo("forget", "--customer", customer, "--yes")
    assert done.code == 0
    assert f"{namesakes:,} rows about others hold the same name, address or number in booking_people" in done.out


def test_who_is_inactive_for_long_is_forgotten(
    sandbox: Sandbox, keys: Sandbox, loaded: Path, bookeo: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "needs the setting keep_days" in bookeo("forget", "--expired", "--yes").err
    monkeypatch.setenv("SOURCES__BOOKEO__KEEP_DAYS", "36600")
    nobody = bookeo("forget", "--expired", "--yes")
    assert (nobody.code, nobody.out, nobody.err) == (0, "Nobody is inactive for that long.\n", "")
    monkeypatch.setenv("SOURCES__BOOKEO__KEEP_DAYS", "30")
    monkeypatch.setattr(forget_subjects, "inactive_since", lambda keep_days, now: END - timedelta(days=keep_days))
    old = {customer for (customer,) in query(loaded, INACTIVE, END - timedelta(days=30))}
    everybody = {customer for (customer,) in query(loaded, "SELECT customer_id FROM bookeo_data.customers")}
    assert old
    assert old < everybody
    before = query(loaded, "SELECT count(*), sum(total_gross_amount) FROM bookeo_data.bookings")
    assert bookeo("forget", "--expired", "--yes").code == 0
    # Their bookings are read again; that is no new activity.
    for number in [b["bookingNumber"] for b in sandbox.truth()["bookings"] if b["customerId"] in old]:
        sandbox.touch(number)
    load(sandbox, loaded, tables=("bookings", "customers"), customers="as_needed", payments="never", histories="never")
    left = {customer for (customer,) in query(loaded, "SELECT customer_id FROM bookeo_data.customers")}
    assert left & everybody == everybody - old
    assert sum(customer.startswith("forgotten-") for customer in left) == len(old)
    assert query(loaded, "SELECT count(*), sum(total_gross_amount) FROM bookeo_data.bookings") == before
