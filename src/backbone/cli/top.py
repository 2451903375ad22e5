"""``backbone top``: what comes in now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backbone.cli.client import DEFAULT_HTTP, AsJson, Client, Http, Tenant, print_lines

if TYPE_CHECKING:
    from rich.console import RenderableType


def top(
    http: Http = DEFAULT_HTTP,
    tenant: Tenant = "",
    once: Annotated[bool, typer.Option("--once", help="Print once and end.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Show rates by signal and service, lag, and what was refused in the last minute."""
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.live import Live  # noqa: PLC0415

    client = Client(http, tenant)
    console = Console(highlight=False)
    try:
        if as_json:
            print_lines([client.get("/rates")])
            while not once:
                time.sleep(interval)
                print_lines([client.get("/rates")])
        elif once or not console.is_terminal:
            console.print(_drawn(client.get("/rates")))
        else:
            with Live(_drawn(client.get("/rates")), console=console, auto_refresh=False, screen=True) as live:
                while True:
                    time.sleep(interval)
                    live.update(_drawn(client.get("/rates")), refresh=True)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _drawn(rates: dict[str, Any]) -> RenderableType:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - heavy
    from rich.console import Group  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("signal")
    table.add_column("service")
    for name in ("10 s", "60 s", "idle"):
        table.add_column(name, justify="right")
    for rate in sorted(rates["rates"], key=lambda rate: -rate["per_second_60s"]):
        table.add_row(
            rate["signal"],
            escape(rate["service"] or "-"),
            f"{rate['per_second_10s']:,.1f}/s",
            f"{rate['per_second_60s']:,.1f}/s",
            f"{rate['idle_seconds']:.0f} s",
        )
    lines = [Text(f"lag of {lag['signal']}: {lag['median_seconds']:.3g} s, p99 {lag['p99_seconds']:.3g} s")
             for lag in rates["lags"]]  # fmt: skip
    refused = [Text(f"refused {one['signal']} of {one['service'] or '-'}: {one['items']:,} ({one['reason']})", "red")
               for one in rates["refused"]]  # fmt: skip
    return Group(table if rates["rates"] else Text("nothing came in over the last minute"), *lines, *refused)
