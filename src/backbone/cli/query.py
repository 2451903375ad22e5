"""``backbone query``: ask a running server."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any

import typer

from backbone.cli.client import DEFAULT_HTTP, AsJson, Client, Http, Tenant, print_lines
from backbone.cli.promql import promql
from backbone.cli.tables import print_table

query = typer.Typer(name="query", no_args_is_help=True, help="Ask a running server for traces, logs and metrics.")

query.command()(promql)

Since = Annotated[str, typer.Option(help="Start: so long ago (15m), RFC 3339, or seconds since 1970.")]
Until = Annotated[str, typer.Option(help="End, written likewise.")]
Limit = Annotated[int, typer.Option(help="How many at most.")]
Attribute = Annotated[list[str] | None, typer.Option(help="key=value, key!=value or key>number; repeatable.")]

_TRACE_ID = re.compile(r"[0-9a-fA-F]{1,32}")
_COLOURS = {"fatal": "bold red", "error": "red", "warn": "yellow", "info": "green", "debug": "blue", "trace": "dim"}
_BAR = 32


@query.command()
def traces(
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="TRACE_ID|TRACEQL", help="One trace, drawn, or '{ … }'; without it, a search.", show_default=False
        ),
    ] = "",
    *,
    service: Annotated[str, typer.Option(help="Service of a span.")] = "",
    operation: Annotated[str, typer.Option(help="Name of a span.")] = "",
    min_duration: Annotated[str, typer.Option(help="Shortest duration of a span, such as 250ms.")] = "",
    max_duration: Annotated[str, typer.Option(help="Longest duration of a span.")] = "",
    error: Annotated[bool, typer.Option("--error", help="Only spans that failed.")] = False,
    attribute: Attribute = None,
    since: Since = "1h",
    until: Until = "now",
    limit: Limit = 20,
    http: Http = DEFAULT_HTTP,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """Show one trace, or search for traces by TraceQL, or that have a span which is all that is asked for."""
    client = Client(http, tenant)
    query = wanted if wanted.lstrip()[:1] in {"{", "("} else ""
    if wanted and not query:
        if not _TRACE_ID.fullmatch(wanted):
            problem = f"{wanted!r}: expected 1 to 32 hexadecimal digits, or TraceQL such as '{{ status = error }}'"
            raise typer.BadParameter(problem, param_hint="TRACE_ID|TRACEQL")
        found = client.get(f"/traces/{wanted}")
        print_lines([found]) if as_json else _print_trace(found)
        return
    answer = client.get(
        "/traces",
        query=query,
        service=service,
        operation=operation,
        min_duration=min_duration,
        max_duration=max_duration,
        error="true" if error else "",
        attribute=attribute,
        since=since,
        until=until,
        limit=limit,
    )
    print_lines(answer["traces"]) if as_json else _print_traces(answer["traces"])


@query.command()
def logs(
    text: Annotated[
        str, typer.Argument(help='Words, "phrases", field:value, field>10ms, -without; or LogQL.', show_default=False)
    ] = "",
    *,
    service: Annotated[str, typer.Option(help="Service that wrote the record.")] = "",
    severity: Annotated[str, typer.Option(help="Lowest: trace, debug, info, warn, error, fatal.")] = "",
    trace_id: Annotated[str, typer.Option(help="Trace the record belongs to.")] = "",
    attribute: Attribute = None,
    since: Since = "1h",
    until: Until = "now",
    limit: Limit = 100,
    http: Http = DEFAULT_HTTP,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """Search for log records, newest first."""
    answer = Client(http, tenant).get(
        "/logs",
        text=text,
        service=service,
        severity=severity,
        trace_id=trace_id,
        attribute=attribute,
        since=since,
        until=until,
        limit=limit,
    )
    print_lines(answer["records"]) if as_json else _print_records(answer["records"])


@query.command()
def metrics(
    selector: Annotated[str, typer.Argument(help="Such as 'http_requests_total{job=\"api\"}'.")],
    since: Since = "1h",
    until: Until = "now",
    limit: Limit = 100,
    http: Http = DEFAULT_HTTP,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """Show the samples of series."""
    answer = Client(http, tenant).get("/metrics", selector=selector, since=since, until=until, limit=limit)
    print_lines(answer["series"]) if as_json else _print_series(answer["series"])


@query.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT over spans, logs, series, samples and the like.")],
    limit: Limit = 1_000,
    http: Http = DEFAULT_HTTP,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """Run a SELECT; it sees the tenant's rows only."""
    answer = Client(http, tenant).post("/sql", {"sql": statement, "limit": limit})
    names = [column["name"] for column in answer["columns"]]
    if as_json:
        print_lines(dict(zip(names, row, strict=True)) for row in answer["rows"])
        return
    print_table(names, [[str(cell) for cell in row] for row in answer["rows"]])
    if answer["truncated"]:
        print(f"there are more than {limit} rows; --limit shows more")


def _print_traces(found: list[dict[str, Any]]) -> None:
    from backbone.query.times import print_duration  # noqa: PLC0415

    print_table(
        ["trace", "start", "root", "took", "spans", "errors"],
        [
            [
                trace["trace_id"],
                _clock(trace["start"]).split()[-1].split(".")[0],
                f"{trace['service']} {trace['name']}",
                print_duration(trace["duration_ns"]),
                str(trace["spans"]),
                str(trace["errors"] or ""),
            ]
            for trace in found
        ],
    )


def _print_trace(trace: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from backbone.cli.draw import bar, waterfall  # noqa: PLC0415
    from backbone.query.times import print_duration  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="ellipsis", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, width=_BAR)
    for line in waterfall(trace):
        name = Text("  " * line.depth)
        name.append(line.service, "cyan").append(f" {line.name}", "red" if line.failed else "")
        drawn = Text(bar(line.start_ratio, line.length_ratio, _BAR), "red" if line.failed else "green")
        table.add_row(name, print_duration(line.duration_ns), drawn)
    Console(highlight=False).print(table)


def _print_records(found: list[dict[str, Any]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    if not found:
        print("nothing found")
    # The newest at the bottom, where a terminal's reader looks.
    for record in reversed(found):
        line = Text(_clock(record["time"]), "dim")
        line.append(f" {record['severity'] or '-':5}", _COLOURS.get(record["severity"], ""))
        line.append(f" {record['service']}", "cyan").append(f" {record['body']}")
        for name, value in record["attributes"].items():
            line.append(f" {name}=", "dim").append(str(value))
        console.print(line, soft_wrap=True)


def _print_series(found: list[dict[str, Any]]) -> None:
    from backbone.cli.draw import sparkline  # noqa: PLC0415

    # What all series share is said once, by leaving it out.
    shared = Counter(pair for series in found for pair in series["labels"].items())
    rows = []
    for series in found:
        own = {
            n: v for n, v in series["labels"].items() if n == "__name__" or shared[n, v] < len(found) or len(found) < 2
        }
        name = own.pop("__name__", "")
        labels = ", ".join(f'{label}="{value}"' for label, value in own.items())
        values = [float(value) for _, value in series["samples"]]
        rows.append([name, labels, sparkline(values), series["samples"][-1][1], str(len(values))])
    print_table(["metric", "labels", "samples", "last", "count"], rows)


def _clock(time: str) -> str:
    """Return RFC 3339 with milliseconds, as people read it."""
    return f"{time[:10]} {time[11:23]}"
