"""``backbone policy report`` and ``canary``: what policy found, and proof that nothing gets past it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backbone.cli.client import DEFAULT_HTTP, AsJson, Client, Http, Tenant, print_lines
from backbone.cli.tables import print_table


def report(
    http: Http = DEFAULT_HTTP,
    tenant: Tenant = "",
    since: Annotated[str, typer.Option(help="Start, such as 1h or RFC 3339.")] = "24h",
    until: Annotated[str, typer.Option(help="End, written likewise.")] = "now",
    as_json: AsJson = False,
) -> None:
    """What policy found and did, by rule, service, signal and outcome."""
    found = Client(http, tenant).get("/policy/findings", since=since, until=until)["findings"]
    if as_json:
        print_lines(found)
        return
    if not found:
        typer.echo("nothing was found")
        return
    columns = ("policy", "rule", "signal", "service", "outcome", "items", "last", "example")
    rows = [[f"{row[name]:,}" if name == "items" else str(row[name]) for name in columns] for row in found]
    print_table(list(columns), rows)


_SIGNALS = ("traces", "logs", "metrics", "remote_write")


def canary(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The policy; without one, the default.", show_default=False)
    ] = None,
    secrets: Annotated[int, typer.Option(min=100, max=1_000_000, help="How many to send.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same secrets.")] = 1,
    signals: Annotated[
        list[str] | None, typer.Option("--signal", help="traces, logs, metrics, remote_write; all by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send secrets through every door of a server of its own, and look for them in every byte that it keeps."""
    from backbone.cli.canary import run  # noqa: PLC0415 - heavy
    from backbone.config.load import load_policy  # noqa: PLC0415 - as above
    from backbone.model.errors import ConfigError  # noqa: PLC0415 - as above

    try:
        load_policy(file)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    for signal in signals or ():
        if signal not in _SIGNALS:
            raise typer.BadParameter(f"{signal!r}: expected {', '.join(_SIGNALS)}", param_hint="--signal")
    raise typer.Exit(1 if run(file, secrets, seed, signals or _SIGNALS, as_json) else 0)
