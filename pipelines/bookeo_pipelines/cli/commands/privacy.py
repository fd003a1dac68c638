"""Commands about personal data: where it is, and forgetting somebody."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bookeo_pipelines.cli.options import Account, Database, Dataset, Debug, Destination, Json, console

if TYPE_CHECKING:
    from bookeo_pipelines.destinations.target import Target
    from bookeo_pipelines.privacy.erasure import ErasureReport
    from bookeo_pipelines.privacy.subjects import Subject


def pii(
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Says where personal data is, and what the setting privacy makes of it; shows none of it."""
    from bookeo.settings.model import keyless_settings
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.privacy.inventory import inventory
    from bookeo_pipelines.privacy.inventory_report import inventory_as_json, print_inventory

    found = [inventory(where, keyless_settings()) for where in target(destination, dataset, database).files()]
    if as_json:
        shown = [inventory_as_json(one) for one in found]
        console().print_json(shown[0] if len(shown) == 1 else shown)
    else:
        for one in found:
            print_inventory(console(), one)


Customer = Annotated[str | None, typer.Option(help="Bookeo's id of the customer.", show_default=False)]
Email = Annotated[str | None, typer.Option(help="An e-mail address: every customer who has it.", show_default=False)]


def forget(
    customer: Customer = None,
    email: Email = None,
    expired: Annotated[
        bool, typer.Option("--expired", help="Everybody who is inactive for longer than the setting keep_days.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed, and stop.")] = False,
    certificate: Annotated[
        Path | None, typer.Option(help="File for a certificate of what was searched (JSON).", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a load into the same place.", min=0)] = 0,
    debug: Debug = False,
) -> None:
    """Remove what is personal of customers everywhere, after asking; the figures of their bookings stay."""
    from bookeo.errors import SettingsError
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.privacy.erasure_report import certificate as as_certificate
    from bookeo_pipelines.privacy.subjects import SubjectNotFound, loaded_accounts
    from bookeo_pipelines.runtime.atomic_file import placed, refuse_foreign_link

    subject = _subject(customer, email, expired=expired)
    if not yes and not dry_run and not sys.stdin.isatty():
        raise SettingsError("Not a terminal: pass --yes to forget without a prompt.")
    if certificate is not None:  # before anybody is forgotten without one
        refuse_foreign_link(certificate)
    reports = []
    where = target(destination, dataset, database)
    if not expired:
        reports.append(_erase(where.of_account(account), subject, account, wait, dry_run=dry_run, yes=yes))
    else:
        for file in [where.of_account(account)] if account else where.files():
            for account_id in [account] if account else loaded_accounts(file):
                with suppress(SubjectNotFound):  # usually nobody's time is up
                    reports.append(_erase(file, subject, account_id, wait, dry_run=dry_run, yes=yes))
        if not reports:
            console().print("Nobody is inactive for that long.")
    done = [report for report in reports if report is not None]
    if certificate is not None and done:
        with placed(certificate) as made:
            made.write_text(as_certificate(done), encoding="utf-8")
    if any(report.untreated for report in done):
        raise typer.Exit(1)


def _erase(
    where: Target, subject: Subject, account: str | None, wait: float, *, dry_run: bool, yes: bool
) -> ErasureReport | None:
    from bookeo.settings.model import keyless_settings
    from bookeo_pipelines.privacy.erasure import planned_erasure
    from bookeo_pipelines.privacy.erasure_report import after_sentences, before_sentences
    from bookeo_pipelines.share.publish import configured_place

    out, settings = console(), keyless_settings()
    with planned_erasure(
        where, subject, account, archive=settings.archive, privacy_key=settings.privacy_key, wait_seconds=wait
    ) as plan:
        for sentence in before_sentences(plan):
            out.print(sentence, soft_wrap=True)
        if dry_run:
            out.print("Nothing was changed.")
            return None
        if not yes and not typer.confirm("Forget?"):
            out.print("Nothing was changed.")
            raise typer.Exit(1)
        report = plan.execute(configured_place(where))
    for sentence in after_sentences(report, where):
        out.print(sentence, soft_wrap=True)
    return report


def person(
    customer: Customer = None,
    email: Email = None,
    output: Annotated[
        Path | None,
        typer.Option(help="File to write: .html for people, else JSON; printed by default.", show_default=False),
    ] = None,
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    debug: Debug = False,
) -> None:
    """Show everything that is held about one person, for a request of access."""
    from bookeo.settings.model import keyless_settings
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.privacy.subject_access import as_html, as_json, facts, personal_record
    from bookeo_pipelines.runtime.atomic_file import placed

    where = target(destination, dataset, database).of_account(account)
    settings = keyless_settings()
    record = personal_record(
        where, _subject(customer, email), account, archive=settings.archive, privacy_key=settings.privacy_key
    )
    if output is None:
        console().print_json(facts(record))
        return
    shown = as_html(record) if output.suffix.lower() in (".html", ".htm") else as_json(record)
    with placed(output) as made:
        made.write_text(shown, encoding="utf-8")
    rows = sum(map(len, record.rows.values()))
    console().print(f"Written: {output}, {rows:,} rows.", soft_wrap=True)


def _subject(customer: str | None, email: str | None, *, expired: bool = False) -> Subject:
    from bookeo.errors import SettingsError
    from bookeo.settings.model import keyless_settings
    from bookeo_pipelines.privacy.subjects import Subject, inactive_since

    if [customer is not None, email is not None, expired].count(True) != 1:
        raise SettingsError("Say whom it is about: --customer ID or --email ADDRESS.")
    settings = keyless_settings()
    if expired:
        if settings.keep_days is None:
            raise SettingsError("--expired needs the setting keep_days: put it under [sources.bookeo] in config.toml.")
        return Subject(inactive_since=inactive_since(settings.keep_days, datetime.now(UTC)))
    hashed = settings.privacy_rules.hashed(email) if email and settings.privacy_key else None
    return Subject(customer, email, hashed_email=hashed)
