"""Commands about personal data: where it is, and forgetting somebody."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from bookeo_pipelines.commands.options import Account, Database, Dataset, Debug, Destination, Json, console


def pii(
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Says where personal data is, and what the setting privacy makes of it; shows none of it."""
    from bookeo.settings import keyless_settings
    from bookeo_pipelines.destination import target
    from bookeo_pipelines.pii import inventory
    from bookeo_pipelines.pii_view import inventory_as_json, print_inventory

    found = [inventory(where, keyless_settings()) for where in target(destination, dataset, database).files()]
    if as_json:
        shown = [inventory_as_json(one) for one in found]
        typer.echo(json.dumps(shown[0] if len(shown) == 1 else shown, indent=2))
    else:
        for one in found:
            print_inventory(console(), one)


def forget(
    customer: Annotated[str, typer.Option(help="Bookeo's id of the customer.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a load into the same place.", min=0)] = 0,
    debug: Debug = False,
) -> None:
    """Removes what is personal of one customer everywhere, after asking; the figures of their bookings stay."""
    from bookeo.errors import SettingsError
    from bookeo.settings import keyless_settings
    from bookeo_pipelines.destination import target
    from bookeo_pipelines.forget import planned_forgetting
    from bookeo_pipelines.forget_view import after_sentences, before_sentences
    from bookeo_pipelines.publish import configured_place

    where = target(destination, dataset, database).of_account(account)
    if not yes and not sys.stdin.isatty():
        raise SettingsError("Nobody is there to be asked: give --yes to forget without asking.")
    archive = keyless_settings().archive
    with planned_forgetting(where, customer, account, archive=archive, wait_seconds=wait) as planned:
        for sentence in before_sentences(planned, archive):
            console().print(sentence, highlight=False, soft_wrap=True)
        if not yes and not typer.confirm("Forget?"):
            console().print("Nothing was changed.")
            raise typer.Exit(1)
        done = planned.carry_out(configured_place(where))
    for sentence in after_sentences(done, where):
        console().print(sentence, highlight=False, soft_wrap=True)
    if done.damaged:
        raise typer.Exit(1)
