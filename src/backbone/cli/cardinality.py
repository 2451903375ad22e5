"""``backbone cardinality``: where series come from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from backbone.cli.client import DEFAULT_HTTP, AsJson, Client, Http, Tenant, print_lines


def cardinality(
    metric: Annotated[str, typer.Option(help="Only this metric's series.")] = "",
    service: Annotated[str, typer.Option(help="Only the series of this job.")] = "",
    days: Annotated[int, typer.Option(min=1, max=365, help="Not asked for in so many days is unqueried.")] = 7,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows of each kind.")] = 10,
    http: Http = DEFAULT_HTTP,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """Show the largest metrics, labels, values and owners, what grows, and what nobody asks for."""
    asked = {"metric": metric, "service": service, "unqueried_days": days, "limit": limit}
    found = Client(http, tenant).get("/cardinality", **asked)
    if as_json:
        print_lines([found])
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy

    from backbone.cli.draw import sparkline  # noqa: PLC0415
    from backbone.cli.tables import print_table  # noqa: PLC0415

    console = Console(highlight=False)
    growth = [hour["new_series"] for hour in found["growth"]]
    console.print(f"[bold]{found['series']:,}[/] active series, [bold]{found['new_last_hour']:,}[/] new in an hour")
    console.print(f"new by hour, last day: {sparkline(growth)} at most {max(growth, default=0):,}")
    for kind, columns in _TABLES.items():
        if found[kind]:
            print_table([kind, *columns], [_row(one, columns, found["series"]) for one in found[kind]])


_TABLES: dict[str, dict[str, str]] = {
    "metrics": {
        "series": "series",
        "share": "share",
        "new": "new_last_hour",
        "widest label": "widest_label",
        "values": "widest_values",
        "last asked for": "last_queried",
    },
    "labels": {"values": "values", "series": "series", "metrics": "metrics"},
    "values": {"value": "value", "series": "series"},
    "owners": {"series": "series", "share": "share", "metrics": "metrics", "new": "new_last_hour"},
    "unqueried": {"series": "series", "last asked for": "last_queried"},
}
"""The tables by kind: titles of columns and what stands in them."""


def _row(one: dict[str, Any], columns: dict[str, str], series: int) -> list[str]:
    first = next(iter(one.values()))
    return [str(first) or "-", *(_cell(one, column, series) for column in columns.values())]


def _cell(one: dict[str, Any], column: str, series: int) -> str:
    from backbone.cli.draw import bar  # noqa: PLC0415 - heavy
    from backbone.query.times import print_time  # noqa: PLC0415

    if column == "share":
        return bar(0, one["series"] / max(series, 1), 12)
    value = one[column]
    if column == "last_queried":
        return print_time(value * 10**9) if value else "never"
    return f"{value:,}" if isinstance(value, int) else str(value)
