"""``backbone policy test``: a policy on samples, and on what is expected of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backbone.cli.client import AsJson, fail, print_lines
from backbone.cli.policy_explain import PolicyFile, load

if TYPE_CHECKING:
    from rich.text import Text

    from backbone.cli.policy_samples import Outcome
    from backbone.process.trial import Item


def try_out(
    file: PolicyFile,
    samples: Annotated[
        list[Path],
        typer.Argument(
            metavar="SAMPLES…",
            help="OTLP/JSON, recordings of 'backbone replay record', and tests in YAML.",
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """
    Run a policy on samples in a store that is gone afterwards: what comes out beside what went in, and whether that is
    what tests expect. Each sample is by itself: its spans decide on its traces, its series are all that there are.
    """
    from backbone.cli.policy_samples import read_samples, run  # noqa: PLC0415 - heavy
    from backbone.model.errors import BackboneError  # noqa: PLC0415

    config = load(file)
    try:
        outcomes = asyncio.run(run(config, [one for path in samples for one in read_samples(path)]))
    except BackboneError as error:
        fail(str(error))
    if as_json:
        print_lines(line for outcome in outcomes for line in outcome.lines())
    else:
        _print_outcomes(outcomes)
    raise typer.Exit(1 if any(outcome.failures for outcome in outcomes) else 0)


def _print_outcomes(outcomes: list[Outcome]) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    for outcome in outcomes:
        if outcome.is_test:
            mark, colour = ("failed", "bold red") if outcome.failures else ("passed", "green")
            console.print(Text.assemble((mark, colour), f" {outcome.name}"), soft_wrap=True)
            for failure in outcome.failures:
                console.print(Text(f"  {failure}"), soft_wrap=True)
        else:
            _print_items(outcome.name, outcome.items)
    tests = [outcome for outcome in outcomes if outcome.is_test]
    if tests:
        failed = sum(bool(outcome.failures) for outcome in tests)
        print(f"{len(tests) - failed} of {len(tests)} tests passed")


def _print_items(name: str, items: tuple[Item, ...]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - heavy
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=name, title_justify="left")
    for column in ("signal", "service", "item", "changed", "breaches", "redacted by", "outcome"):
        table.add_column(column, overflow="fold")
    for item in items:
        reasons = {
            "refused": item.refused,
            "left out": item.dropped,
            "sampled out": item.sampled_out,
            "over limit": item.over_limit,
        }
        outcome = next((f"{what}: {reason}" for what, reason in reasons.items() if reason), "kept")
        table.add_row(
            item.signal,
            Text(item.service or "-", "cyan"),
            Text(item.title[:60]),
            _changes(item),
            Text("\n".join(item.breaches), "yellow"),
            Text("\n".join(item.redactions), "magenta"),
            Text(outcome, "green" if item.is_kept else "red"),
        )
    Console(highlight=False).print(table)


def _changes(item: Item) -> Text:
    """Return what is not what it was, a line each."""
    from rich.text import Text  # noqa: PLC0415 - heavy

    lines = Text()
    for name, before in item.before.items():
        after = item.after[name]
        if before == after:
            continue
        pairs = _pairs(name, before, after) if isinstance(before, dict) else [(name, before, after)]
        for what, was, now in pairs:
            lines.append("\n" if lines else "")
            lines.append(f"{what}: ", "dim")
            lines.append("-" if was is None else str(was), "red").append(" → ")
            lines.append("-" if now is None else str(now), "green")
    return lines


def _pairs(name: str, before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return what changed, as what, was and is; a value that went to another name is a rename."""
    gone = [key for key in before if key not in after]
    added = [key for key in after if key not in before]
    renamed = []
    for old in gone:
        new = next((key for key in added if after[key] == before[old]), None)
        if new is not None:
            added.remove(new)
            renamed.append((name, old, new))
    old_names = {old for _, old, _ in renamed}
    changed = [key for key in before if key not in old_names and before[key] != after.get(key)]
    return renamed + [(f"{name}.{key}", before.get(key), after.get(key)) for key in [*changed, *added]]
