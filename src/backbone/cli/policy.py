"""``backbone policy``: what happens to telemetry before it is stored, checked and explained without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backbone.cli.policy_score import diff, score

commands = typer.Typer(name="policy", no_args_is_help=True, help="Check and explain what happens to telemetry.")

commands.command()(score)
commands.command()(diff)

PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="The policy, policy.yaml.", show_default=False)]


@commands.command()
def check(file: PolicyFile) -> None:
    """Check a policy: every problem with its line and column."""
    from backbone.config.load import load_policy  # noqa: PLC0415 - heavy
    from backbone.model.errors import ConfigError  # noqa: PLC0415 - as above

    try:
        load_policy(file)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{file}: ok")
