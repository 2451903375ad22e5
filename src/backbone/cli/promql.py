"""``backbone query promql``: answers as tables and, on a terminal, a chart."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from backbone.cli.client import DEFAULT_HTTP, AsJson, Client, Http, Tenant, fail, print_lines
from backbone.cli.tables import print_table

_STEPS = 240
"""Points of a range when no step is given."""
_LINES = 7
_HEIGHT = 12


def promql(
    text: Annotated[str, typer.Argument(metavar="QUERY", help="Such as 'sum by (shard) (rate(requests_total[5m]))'.")],
    *,
    at: Annotated[str, typer.Option(help="Evaluate at this time only: 15m (so long ago), RFC 3339 or seconds.")] = "",
    since: Annotated[str, typer.Option(help="Evaluate from here on: 1h (so long ago), RFC 3339 or seconds.")] = "",
    until: Annotated[str, typer.Option(help="End of the range, written likewise.")] = "now",
    step: Annotated[str, typer.Option(help="Between two points, such as 15s; 240 points without it.")] = "",
    explain: Annotated[bool, typer.Option("--explain", help="Show each part's time and statement.")] = False,
    http: Http = DEFAULT_HTTP,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """Evaluate PromQL now, at a time, or over a range (--since)."""
    if at and since:
        fail("--at and --since: a query has one time or a range, not both")
    client = Client(http, tenant, prefix="/api/v1")
    stats = {"stats": "all"} if explain else {}
    if since:
        start, end = _seconds(since, "since"), _seconds(until, "until")
        width = step or f"{max((end - start) / _STEPS, 0.001):.3f}"
        answer = client.form("/query_range", query=text, start=start, end=end, step=width, **stats)
    else:
        answer = client.form("/query", query=text, **({"time": _seconds(at, "at")} if at else {}), **stats)
    data = answer["data"]
    if as_json:
        print_lines(data["result"] if data["resultType"] in {"vector", "matrix"} else [data["result"]])
    else:
        _print(data)
    for note in (*answer.get("warnings", ()), *answer.get("infos", ())):
        print(note, file=sys.stderr)
    if explain:
        _print_parts(data["stats"]["parts"])


def _seconds(text: str, option: str) -> float:
    from backbone.model.errors import UserInputError  # noqa: PLC0415
    from backbone.model.time import now_ns  # noqa: PLC0415
    from backbone.query.times import parse_time_ns  # noqa: PLC0415

    try:
        return parse_time_ns(text, option, now_ns=now_ns()) / 1e9
    except UserInputError as error:
        fail(f"--{option}: {str(error).split(': ', 1)[-1]}")


def _print(data: dict[str, Any]) -> None:
    match data["resultType"]:
        case "vector":
            print_table(
                ["series", "value"],
                [[_name(s["metric"]), _shown(s.get("value") or s["histogram"])] for s in data["result"]],
            )
        case "matrix":
            _print_matrix(data["result"])
        case _:
            print(data["result"][1])


def _print_matrix(found: list[dict[str, Any]]) -> None:
    from backbone.cli.draw import sparkline  # noqa: PLC0415

    if sys.stdout.isatty():
        _print_chart(found[:_LINES])
    rows = []
    for series in found:
        values = [float(value) for _, value in series.get("values", ())]
        points = series.get("values") or series.get("histograms") or [[0, ""]]
        rows.append([_name(series["metric"]), sparkline(values), _shown(points[-1]), str(len(points))])
    print_table(["series", "points", "last", "count"], rows)


def _print_chart(found: list[dict[str, Any]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415

    from backbone.cli.chart import COLOURS, chart  # noqa: PLC0415

    console = Console(highlight=False)
    lines = [[(float(time), float(value)) for time, value in series.get("values", ())] for series in found]
    drawn = chart(lines, max(min(console.width - 14, 120), 20), _HEIGHT)
    if drawn is None:
        return
    for number, row in enumerate(drawn.rows):
        edge = {0: drawn.high, len(drawn.rows) - 1: drawn.low}.get(number)
        line = Text(f"{'' if edge is None else f'{edge:.6g}':>12} ", "dim")
        for cell in row:
            line.append(cell.text, COLOURS[cell.line % len(COLOURS)] if cell.line >= 0 else "")
        console.print(line, no_wrap=True)
    start, end = (f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}" for time in (drawn.start, drawn.end))
    console.print(Text(f"{'':13}{start}{end:>{max(len(drawn.rows[0]) - len(start), len(end) + 1)}}", "dim"))
    for number, series in enumerate(found):
        console.print(Text("━ ", COLOURS[number % len(COLOURS)]).append(_name(series["metric"]), "default"))


def _name(labels: dict[str, str]) -> str:
    rest = ", ".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    name = labels.get("__name__", "")
    return f"{name}{{{rest}}}" if rest or not name else name


def _shown(point: list[Any]) -> str:
    """Return a point's value: a number, or a histogram's count and sum."""
    value = point[1]
    return value if isinstance(value, str) else f"count {value['count']}, sum {value['sum']}"


def _print_parts(parts: list[dict[str, Any]]) -> None:
    rows = [[f"{part['seconds'] * 1000:.1f} ms", str(part["rows"] or ""), part["part"]] for part in parts]
    print_table(["took", "rows", "part"], rows)
