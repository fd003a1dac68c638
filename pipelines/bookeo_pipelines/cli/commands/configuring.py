"""The command that shows the settings."""

from __future__ import annotations

from bookeo_pipelines.cli.options import Account, Debug, Json, console


def config(account: Account = None, as_json: Json = False, debug: Debug = False) -> None:
    """Show each setting in force and where it comes from; of secrets only whether they are there."""
    from bookeo_pipelines.status.configuration import print_configuration, read_configuration

    configuration = read_configuration(account)
    if as_json:
        console().print_json(configuration.as_json())
    else:
        print_configuration(console(), configuration)
