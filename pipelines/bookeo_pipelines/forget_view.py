"""What forgetting somebody says before and after, without saying who it is."""

from __future__ import annotations

from bookeo_pipelines.destination import Target
from bookeo_pipelines.forget import Forgetting, Forgot


def before_sentences(planned: Forgetting, archive: str | None) -> list[str]:
    """Says what is going to happen.

    Args:
        planned: What is planned.
        archive: The setting `archive`.

    Returns:
        Sentences.
    """
    rows = ", ".join(f"{count:,} in {table}" for table, count in sorted(planned.rows.items()))
    said = [
        f"Rows about this customer: {rows or 'none any more'}.",
        "Names, contact data, addresses, dates of birth, IP addresses and texts in them are removed for good; "
        f"bookings, payments and their figures stay, under the pseudonym {planned.pseudonym}.",
    ]
    if archive:
        said.append(f"The archive {archive} is searched, too.")
    return said


def after_sentences(done: Forgot, target: Target) -> list[str]:
    """Says what was done, and what is left to do.

    Args:
        done: What was done.
        target: Where the tables are.

    Returns:
        Sentences.
    """
    said = [f"Forgotten: {sum(done.rows.values()):,} rows in {len(done.rows)} tables of {target.description}."]
    if done.archive is not None:
        said.append(f"Files of the archive written anew: {done.archive:,}.")
    for path in done.damaged:
        said.append(f"{path} is damaged and was left as it is; delete it if the customer may be in it.")
    for place, rows in sorted(done.left.items()):
        said.append(f"{rows:,} rows about others hold the same name, address or number in {place}; they stay theirs.")
    if any("." in table for table in done.rows):
        said.append("Copies in other schemas were treated, too; build marts anew with bookeo marts build.")
    said.append("Exports, backups and the customer at Bookeo itself are yours to delete.")
    return said
