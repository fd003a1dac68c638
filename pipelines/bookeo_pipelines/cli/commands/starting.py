"""Commands for the first ten minutes: keys, and whether all is as it should be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bookeo_pipelines.cli.options import Account, Database, Debug, Json, console

SECRETS = Path(".dlt") / "secrets.toml"


def init(
    base_url: Annotated[
        str | None, typer.Option(help="Where the API is, if not at Bookeo: a sandbox.", show_default=False)
    ] = None,
    debug: Debug = False,
) -> None:
    """Ask for the keys, keep them in `.dlt/secrets.toml` for this user only, and say what a first load takes."""
    from bookeo.errors import BookeoError, SettingsError
    from bookeo_pipelines.status.check import check_keys, print_check
    from bookeo_pipelines.status.first_settings import settings_with, write_secrets

    if not sys.stdin.isatty():
        raise SettingsError(f"Nobody is there to be asked: write the keys into {SECRETS}, see the README.")
    if SECRETS.exists():
        raise SettingsError(f"{SECRETS} is there already; bookeo check says whether its keys work.")
    out = console()
    out.print("The api key belongs to the business account, the secret key to your application. Neither is shown.")
    api_key = typer.prompt("api key", hide_input=True).strip()
    secret_key = typer.prompt("secret key", hide_input=True).strip()
    settings = settings_with(api_key, secret_key, base_url)
    try:
        checked = check_keys(settings)
    except BookeoError:
        out.print("Nothing was written.")
        raise
    print_check(out, checked)
    write_secrets(SECRETS, api_key, secret_key, base_url)
    out.print(f"The keys are in {SECRETS}, readable by you only. Next:", soft_wrap=True)
    out.print("  bookeo plan        what the first load takes")
    out.print("  bookeo run         load, figures, and the copy for readers where one is set")
    out.print("  bookeo dashboard   the figures")
    out.print("Each hour by cron (crontab -e), from this folder:")
    out.print(f"  7 * * * * cd {Path.cwd()} && {sys.executable} -m bookeo_pipelines run", soft_wrap=True)
    if checked.missing:
        raise typer.Exit(1)


def doctor(database: Database = None, account: Account = None, as_json: Json = False, debug: Debug = False) -> None:
    """Look at versions, settings, keys, clock, disk and database, and say what to do about what is not right."""
    from bookeo_pipelines.status.doctor import examine, print_findings

    findings = examine(database, account)
    if as_json:
        console().print_json([finding.as_json() for finding in findings])
    else:
        print_findings(console(), findings)
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)
