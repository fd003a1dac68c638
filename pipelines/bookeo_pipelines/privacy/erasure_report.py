"""What an erasure says before and after, and its certificate; nothing in them tells who it is about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.privacy.erasure import ErasurePlan, ErasureReport

PSEUDONYMS_SHOWN = 3


def before_sentences(plan: ErasurePlan) -> list[str]:
    """Describe what is going to happen.

    Args:
        plan: The plan.

    Returns:
        Sentences.
    """
    rows = ", ".join(f"{count:,} in {table}" for table, count in sorted(plan.rows.items()))
    pseudonyms = ", ".join(plan.pseudonyms[:PSEUDONYMS_SHOWN])
    others = len(plan.pseudonyms) - PSEUDONYMS_SHOWN
    said = [
        f"Customers found: {len(plan.pseudonyms):,}. Rows about them: {rows or 'none any more'}.",
        "Names, contact data, addresses, dates of birth, IP addresses, codes and texts in them are removed for good; "
        "bookings, payments and their figures stay, under the "
        + (f"pseudonym {pseudonyms}." if len(plan.pseudonyms) == 1 else f"pseudonyms {pseudonyms}")
        + ("" if len(plan.pseudonyms) == 1 else f" and {others:,} more." if others > 0 else "."),
    ]
    if plan.places:
        said.append(f"Searched, too: {', '.join(plan.places)}.")
    return said


def after_sentences(report: ErasureReport, target: Target) -> list[str]:
    """Describe what was done, and what is left to do.

    Args:
        report: What was done.
        target: Where the tables are.

    Returns:
        Sentences.
    """
    said = [f"Forgotten: {sum(report.rows.values()):,} rows in {len(report.rows)} tables of {target.description}."]
    said += [f"Files of the archive {place} written anew: {files:,}." for place, files in report.archives.items()]
    said += [f"Copy made anew: {place}." for place in report.copies]
    said += [f"Removed, left behind by a killed command: {place}." for place in report.leftovers]
    for place, rows in sorted(report.left.items()):
        said.append(f"{rows:,} rows about others hold the same name, address or number in {place}; they stay theirs.")
    if any("." in table for table in report.rows):
        said.append("Copies in other schemas were treated, too; build marts anew with bookeo marts build.")
    if target.destination == "postgres":
        said.append("The server's write-ahead log (pg_wal), its archives and replicas keep old rows for a while.")
    said += [f"NOT treated: {place} ({why})." for place, why in report.untreated.items()]
    said.append("Backups, files made by other programs, and the customer at Bookeo itself are yours to delete.")
    return said


def certificate(reports: Sequence[ErasureReport]) -> str:
    """Write the certificate of erasures.

    Args:
        reports: What was done, by account.

    Returns:
        A JSON list: what was searched, what was found and done where, and what was not treated.
    """
    facts = [asdict(one) | {"erased_at": one.erased_at.isoformat(timespec="seconds")} for one in reports]
    return json.dumps(facts, indent=2)
