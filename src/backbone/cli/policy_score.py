"""``backbone policy score`` and ``diff``: what a running server says of services and policies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backbone.cli.client import DEFAULT_HTTP, AsJson, Client, Http, Tenant, fail, print_lines

if TYPE_CHECKING:
    from rich.text import Text

Since = Annotated[str, typer.Option(help="Start: so long ago (15m), RFC 3339, or seconds since 1970.")]
Until = Annotated[str, typer.Option(help="End, written likewise.")]

_COLOURS = {"A": "bold green", "B": "green", "C": "yellow", "D": "red", "F": "bold red"}
_BAR = 20
_WORST = 3
_COUNTS = ("changed", "dropped", "refused")
_BY_RULE = {
    "breaches": "breaks",
    "redactions": "redacted by",
    "sampled_out": "left out by",
    "over_limit": "over",
}


def score(
    service: Annotated[str, typer.Option(help="One service; without it, all.")] = "",
    since: Since = "1h",
    until: Until = "now",
    http: Http = DEFAULT_HTTP,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """Show how well each service keeps to the tagging standard, the worst first."""
    answer = Client(http, tenant).get("/policy/score", service=service, since=since, until=until)
    print_lines(answer["services"]) if as_json else _print_scores(answer["services"])


def _print_scores(found: list[dict[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - heavy
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    if not found:
        print("nothing found")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("service", "team", "", "score", "", "before", "items", "worst rules"):
        right = name in {"score", "before", "items"}
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "worst rules")
    for one in found:
        colour = _COLOURS[one["grade"]]
        table.add_row(
            Text(one["service"] or "-", "cyan"),
            Text(one["team"] or "-"),
            Text(one["grade"], colour),
            Text(f"{one['score']:.1f}", colour),
            _bar(one["score"], colour),
            _trend(one),
            f"{sum(one['items'].values()):,}",
            _worst(one["rules"]),
        )
    Console(highlight=False).print(table)


def _bar(score: float, colour: str) -> Text:
    from rich.text import Text  # noqa: PLC0415 - heavy

    from backbone.cli.draw import bar  # noqa: PLC0415

    return Text(bar(0, score / 100, _BAR), colour)


def _trend(one: dict[str, Any]) -> Text:
    from rich.text import Text  # noqa: PLC0415 - heavy

    if one["before"] is None:
        return Text("-", "dim")
    change = one["score"] - one["before"]
    arrow, colour = ("▲", "green") if change > 0 else ("▼", "red") if change < 0 else ("=", "dim")
    return Text(f"{arrow} {one['before']:.1f}", colour)


def _worst(rules: list[dict[str, Any]]) -> Text:
    from rich.text import Text  # noqa: PLC0415 - heavy

    text = Text()
    for rule in rules[:_WORST]:
        text.append(", " if text else "")
        text.append(rule["rule"], "bold" if rule["requirement"] == "required" else "")
        text.append(f" {100 * rule['share']:.3g} %", "dim")
    if len(rules) > _WORST:
        text.append(f" and {len(rules) - _WORST} more", "dim")
    return text


def diff(
    policies: Annotated[
        list[Path],
        typer.Argument(metavar="[OLD] NEW", help="The policies; without OLD, the server's own.", show_default=False),
    ],
    since: Since = "1h",
    until: Until = "now",
    http: Http = DEFAULT_HTTP,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """
    Show what a policy would have done to what is stored: which items it would change, leave out, refuse or find at
    fault, beside what the old one would do to the same. What was left out, renamed or masked when it came is not seen.
    """
    if len(policies) > 2:
        raise typer.BadParameter(f"expected one or two files, got {len(policies)}", param_hint="[OLD] NEW")
    texts = [_checked(path) for path in policies]
    body: dict[str, Any] = {"policy": texts[-1], "since": since, "until": until}
    if len(texts) == 2:
        body["old"] = texts[0]
    answer = Client(http, tenant).post("/policy/diff", body)
    rows = list(_differences(answer["old"], answer["new"]))
    if as_json:
        names = ("signal", "service", "what", "old", "new", "items")
        print_lines(dict(zip(names, row, strict=True)) for row in rows)
    else:
        _print_differences(rows)


def _checked(path: Path) -> str:
    from backbone.config.load import load_policy  # noqa: PLC0415 - heavy
    from backbone.model.errors import ConfigError  # noqa: PLC0415

    try:
        load_policy(path)
        return path.read_text()
    except ConfigError as error:
        fail(str(error))


_Row = tuple[str, str, str, int, int, int]


def _differences(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[_Row]:
    """Yield what is counted otherwise: signal, service, what, how often under the old and the new one, of how many."""
    before = {(one["signal"], one["service"]): one for one in old}
    after = {(one["signal"], one["service"]): one for one in new}
    # A rename may make one service of another.
    for key in sorted(before.keys() | after.keys()):
        counts = [_counts(side.get(key, {})) for side in (before, after)]
        items = max(side[key]["items"] for side in (before, after) if key in side)
        for what in sorted(counts[0].keys() | counts[1].keys()):
            pair = counts[0].get(what, 0), counts[1].get(what, 0)
            if pair[0] != pair[1]:
                yield (*key, what, *pair, items)


def _counts(one: dict[str, Any]) -> dict[str, int]:
    by_rule = {f"{what} {rule}": count for name, what in _BY_RULE.items() for rule, count in one.get(name, {}).items()}
    return {name: one.get(name, 0) for name in _COUNTS} | by_rule


def _print_differences(rows: list[_Row]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - heavy
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    if not rows:
        print("nothing would be different")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("signal", "service", "what", "old", "new", "change", "of items"):
        table.add_column(name, justify="left" if name in {"signal", "service", "what"} else "right")
    for signal, service, what, old, new, items in rows:
        change = Text(f"{new - old:+,}", "red" if new > old else "green")
        table.add_row(signal, Text(service or "-", "cyan"), Text(what), f"{old:,}", f"{new:,}", change, f"{items:,}")
    Console(highlight=False).print(table)
