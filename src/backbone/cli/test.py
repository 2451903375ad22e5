"""``backbone test``: run what is written in files against Backbone itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backbone.cli.client import fail

if TYPE_CHECKING:
    from backbone.query.promql.script.commands import Script

test = typer.Typer(name="test", no_args_is_help=True, help="Run test files against Backbone itself.")


@test.callback()
def _root() -> None:
    """Keep the subcommand's name where there is one only."""


@test.command()
def promql(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Scripts in the language of promqltest.")],
) -> None:
    """Run PromQL test scripts; a line for each case that fails, and totals by file."""
    failed = asyncio.run(_run(_parsed(files)))
    raise typer.Exit(1 if failed else 0)


def _parsed(files: Sequence[Path]) -> list[Script]:
    from backbone.model.errors import UserInputError  # noqa: PLC0415
    from backbone.query.promql.script.parse import parse_script  # noqa: PLC0415 - heavy

    scripts, problems = [], []
    for file in files:
        try:
            scripts.append(parse_script(file.read_text(), str(file)))
        except UserInputError as error:
            problems.append(str(error))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{file}: {getattr(error, 'strerror', None) or error}")
    if problems:
        fail("\n".join(problems))
    return scripts


async def _run(scripts: list[Script]) -> int:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    from backbone.cli.scripted import ScriptRunner  # noqa: PLC0415 - heavy
    from backbone.query.promql.script.commands import Eval  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    cases = [sum(isinstance(command, Eval) for command in script.commands) for script in scripts]
    totals = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        async with ScriptRunner.start() as runner:
            for script, count in zip(scripts, cases, strict=True):
                task = progress.add_task(Path(script.name).name, total=count)
                failed = 0
                async for case, found in runner.run(script):
                    progress.advance(task)
                    failed += bool(found)
                    for difference in found:
                        place = f"{script.name}:{case.line}"
                        console.print(f"[bold]{place}[/]: [cyan]", end="")
                        console.print(case.query, markup=False, style="cyan", end="")
                        console.print(f": {difference}", markup=False)
                progress.remove_task(task)
                totals.append((script.name, count, failed))
    _print_totals(totals)
    return sum(failed for _, _, failed in totals)


def _print_totals(totals: list[tuple[str, int, int]]) -> None:
    from backbone.cli.tables import print_table  # noqa: PLC0415

    rows = [[name, str(count), str(count - failed), str(failed or "")] for name, count, failed in totals]
    if len(totals) > 1:
        count, failed = sum(count for _, count, _ in totals), sum(failed for _, _, failed in totals)
        rows.append(["all", str(count), str(count - failed), str(failed or "")])
    print_table(["file", "cases", "passed", "failed"], rows)
