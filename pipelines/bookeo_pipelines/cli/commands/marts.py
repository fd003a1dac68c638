"""Commands about the marts."""

from __future__ import annotations

from typing import Annotated

import typer

from bookeo_pipelines.cli.options import Database, Dataset, Debug, Destination, Json, Publish, console, say

marts = typer.Typer(help="Tables of figures, made of the loaded tables.", no_args_is_help=True)


@marts.command(epilog="Example: `bookeo marts build`")
def build(
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    marts_schema: Annotated[str, typer.Option(help="Schema for the tables of figures.")] = "bookeo_marts",
    staging_schema: Annotated[str, typer.Option(help="Schema for the views that they are made of.")] = "bookeo_staging",
    publish: Publish = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a load that is running.", min=0)] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Makes the tables of figures anew, and checks that they add up to the loaded tables."""
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.marts.build import Schemas, build_marts
    from bookeo_pipelines.marts.report import print_built, result_as_json
    from bookeo_pipelines.outcomes import exit_code
    from bookeo_pipelines.share.publish import Publication, configured_place

    where = target(destination, dataset, database)
    publication = Publication(where, publish or configured_place(where))
    with console(stderr=True).status("Building the marts ..."):
        results = [
            build_marts(
                one,
                Schemas(marts_schema, staging_schema),
                wait_seconds=wait,
                publication=publication,
                debug=debug,
            )
            for one in where.files()
        ]
    if as_json:
        shown = [result_as_json(result) for result in results]
        console().print_json(shown[0] if len(shown) == 1 else shown)
    else:
        for result in results:
            print_built(console(), result)
    if publication.failure is not None:
        say(publication.failure.message)
        raise typer.Exit(int(exit_code(publication.failure)))
