"""The ``backbone`` command: one module per subcommand; heavy imports stand inside the commands."""

from __future__ import annotations

import typer

from backbone.cli import config, policy
from backbone.cli.cardinality import cardinality
from backbone.cli.check import check
from backbone.cli.demo import demo
from backbone.cli.query import query
from backbone.cli.replay import replay
from backbone.cli.serve import serve
from backbone.cli.simulate import simulate
from backbone.cli.test import test
from backbone.cli.top import top

cli = typer.Typer(name="backbone", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@cli.callback()
def _root() -> None:
    """The observability backbone: metrics, logs and traces in one process."""


cli.command()(serve)
cli.command()(demo)
cli.command()(top)
cli.command()(cardinality)
cli.command()(check)
cli.add_typer(config.commands, name="config")
cli.add_typer(policy.commands)
cli.add_typer(query)
cli.add_typer(replay)
cli.add_typer(simulate)
cli.add_typer(test)


def main() -> None:
    """Run the command line."""
    cli()
