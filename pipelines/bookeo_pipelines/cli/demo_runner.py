"""The sandbox's starter: serves it, and loads it as a demonstration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bookeo import BookeoSettings, load_settings
from bookeo.errors import SettingsError
from bookeo_pipelines.destinations.target import DEFAULT_DATASET, target
from bookeo_pipelines.interrupts import interrupts
from bookeo_pipelines.load.runner import LoadRequest
from bookeo_pipelines.runtime.terminal import Terminal, heading
from bookeo_pipelines.share.answer import print_rows
from bookeo_pipelines.share.query import ask

BOOKINGS = 5000
"""Bookings of the demonstration's business, in three years."""

QUESTIONS: dict[str, str] = {
    "What was booked, by year and currency?": """
        SELECT year(start_date_local) AS year, total_gross_currency AS currency, count(*) AS bookings,
               count(*) FILTER (canceled) AS canceled, sum(total_gross_amount) FILTER (NOT canceled) AS gross
        FROM bookeo_data.bookings GROUP BY ALL ORDER BY ALL""",
    "What do customers owe for tours that have taken place?": """
        SELECT product_name, count(*) AS bookings, sum(total_gross_amount - total_paid_amount) AS owed
        FROM bookeo_data.bookings
        WHERE NOT canceled AND start_time < (SELECT max(updated_at) FROM bookeo_data.bookings)
          AND total_paid_amount < total_gross_amount
        GROUP BY ALL ORDER BY owed DESC LIMIT 5""",
    "How do they pay?": """
        SELECT payment_method, count(*) AS payments, sum(amount) AS amount, currency
        FROM bookeo_data.payments
        GROUP BY ALL ORDER BY payments DESC""",
}


def _sandbox() -> Any:
    try:
        import bookeo_sandbox
    except ImportError:
        raise SettingsError("The sandbox needs more packages: pip install 'dlt-source-bookeo[sandbox]'.") from None
    return bookeo_sandbox


def _settings(sandbox: Any) -> BookeoSettings:
    return load_settings(
        base_url=sandbox.base_url, api_key=sandbox.api_key, secret_key=sandbox.secret_key, account=None, slots="daily"
    )


@contextmanager
def demo_sandbox() -> Iterator[BookeoSettings]:
    """Serves the demonstration's business for as long as the context lasts.

    Yields:
        Settings that load from it.

    Raises:
        SettingsError: The sandbox's packages are missing.
    """
    with _sandbox().serve(bookings=BOOKINGS) as sandbox:
        yield _settings(sandbox)


def run_demo(console: Terminal, path: Path, load: Callable[[LoadRequest], Any]) -> None:
    """Loads an invented business, lets a week go by, loads again, and asks three questions.

    Args:
        console: Where to print.
        path: The DuckDB file.
        load: Runs a load and shows what it did.

    Raises:
        SettingsError: The database holds something else than an earlier demonstration.
    """
    with _sandbox().serve(bookings=BOOKINGS) as sandbox:
        settings = _settings(sandbox)
        _make_room(path, {account.account_id for account in sandbox.accounts})
        request = LoadRequest(settings, target("duckdb", DEFAULT_DATASET, path))
        console.print(heading("1. First load", f" of a sandbox with {BOOKINGS:,} bookings of three years"))
        load(request)
        sandbox.advance(days=7)
        console.print()
        console.print(heading("2. A week goes by", ", and only what changed is loaded"))
        load(request)
    console.print()
    console.print(heading("3. Three questions"))
    for question, sql in QUESTIONS.items():
        console.print()
        console.print(question)
        print_rows(console, ask(path, sql))


def _make_room(path: Path, demo_accounts: set[str]) -> None:
    """Removes the database of an earlier demonstration, and nothing else."""
    if not path.exists():
        return
    held = set()
    try:
        held = set(ask(path, "SELECT DISTINCT account_id FROM bookeo_data.bookings")["account_id"])
    except SettingsError:
        held = {"something else"}
    if not held <= demo_accounts:
        raise SettingsError(f"{path} holds other data than the demonstration's; name another file with --database.")
    path.unlink()


def serve_sandbox(console: Terminal, *, port: int, bookings: int, seed: int, end: str, accounts: int) -> None:
    """Serves a sandbox until it is interrupted.

    Args:
        console: Where to say how to reach it.
        port: The port on this machine; 0 for any free one.
        bookings: Bookings of each account.
        seed: Another seed, another business.
        end: The day up to which it has been booked.
        accounts: Business accounts.

    Raises:
        SettingsError: The sandbox's packages are missing, or an option makes no sense.
    """
    import threading

    try:
        interrupts.let_go()
        with _sandbox().serve(port=port, bookings=bookings, seed=seed, end=end, accounts=accounts) as sandbox:
            console.print(f"A sandbox with {bookings:,} bookings answers at {sandbox.base_url}")
            console.print("Load it with:")
            console.print()
            for name, value in {
                "SOURCES__BOOKEO__BASE_URL": sandbox.base_url,
                "SOURCES__BOOKEO__API_KEY": sandbox.api_key,
                "SOURCES__BOOKEO__SECRET_KEY": sandbox.secret_key,
            }.items():
                console.print(f"export {name}={value}", soft_wrap=True)
            console.print("bookeo load")
            console.print()
            console.print("Ctrl-C ends it.")
            threading.Event().wait()
    except KeyboardInterrupt:
        console.print("The sandbox has ended.")
    except (OSError, ValueError) as error:
        raise SettingsError(f"The sandbox cannot start: {error}.") from None
