"""The ``backbone`` command: one module per subcommand; heavy imports stand inside the commands."""

from __future__ import annotations

import typer

cli = typer.Typer(name="backbone", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@cli.callback()
def _root() -> None:
    """The observability backbone: metrics, logs and traces in one process."""


from backbone.cli.query import query  # noqa: E402 - commands register below
from backbone.cli.serve import serve  # noqa: E402
from backbone.cli.top import top  # noqa: E402

cli.command()(serve)
cli.command()(top)
cli.add_typer(query)


def main() -> None:
    """Run the command line."""
    cli()
