"""The ``backbone`` command: one module per subcommand; heavy imports stand inside the commands."""

from __future__ import annotations

import typer

cli = typer.Typer(name="backbone", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@cli.callback()
def _root() -> None:
    """The observability backbone: metrics, logs and traces in one process."""


from backbone.cli.serve import serve  # noqa: E402 - commands register below

cli.command()(serve)


def main() -> None:
    """Run the command line."""
    cli()
