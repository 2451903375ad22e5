"""``backbone config``: what may be set, and what is set."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer(no_args_is_help=True, help="Show what may be set, and what is set.")


@commands.command("schema")
def schema() -> None:
    """Print the JSON schema of backbone.yaml, for editors."""
    from backbone.config.schema import json_schema  # noqa: PLC0415 - pydantic takes its time

    typer.echo(json.dumps(json_schema(), indent=2))


@commands.command("show")
def show(
    config: Annotated[Path | None, typer.Option("--config", help="The configuration; without it, defaults.")] = None,
) -> None:
    """Print every option with the value in force, as YAML; secrets are masked."""
    from backbone.config.dump import dump  # noqa: PLC0415 - pydantic takes its time
    from backbone.config.load import load_config  # noqa: PLC0415 - as above
    from backbone.model.errors import ConfigError  # noqa: PLC0415 - as above

    try:
        text = dump(load_config(config))
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 - only for people
        from rich.syntax import Syntax  # noqa: PLC0415 - as above

        Console().print(Syntax(text, "yaml", background_color="default"))
    else:
        typer.echo(text, nl=False)
