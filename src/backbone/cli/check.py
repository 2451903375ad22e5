"""``backbone check``: say everything that is wrong with configuration files, without starting anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The files to check.", show_default=False)],
) -> None:
    """Check configuration files and the policies they name: every problem of every file, with its line and column."""
    from backbone.config.load import load_config, load_policy  # noqa: PLC0415 - pydantic takes its time; other commands need not wait
    from backbone.model.errors import ConfigError  # noqa: PLC0415 - as above

    wrong = False
    for path in files:
        try:
            load_policy(load_config(path).policy.file)
        except ConfigError as error:
            wrong = True
            typer.echo(str(error), err=True)
        else:
            typer.echo(f"{path}: ok")
    if wrong:
        raise typer.Exit(1)
