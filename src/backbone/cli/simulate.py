"""``backbone simulate``: the synthetic fleet, and faults to inject into it while it runs."""

from __future__ import annotations

import asyncio
import difflib
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from backbone.simulate.run import Progress, Simulation

simulate = typer.Typer(name="simulate", help="A synthetic fleet that sends telemetry.")
fault = typer.Typer(name="fault", no_args_is_help=True, help="Faults in the running fleet.")
simulate.add_typer(fault)

Control = Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the fleet is controlled.")]
DEFAULT_CONTROL = "127.0.0.1:7071"


@simulate.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    *,
    size: Annotated[str, typer.Option(help="demo, small, medium or large.")] = "demo",
    series: Annotated[int | None, typer.Option(min=100, max=2_000_000, help="Series, in place of a size.")] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Calls, and so traces, per second.")] = 20.0,
    for_: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="How long, like 60s.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same fleet.")] = 1,
    otlp_grpc: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where telemetry goes.")] = "127.0.0.1:4317",
    control: Control = DEFAULT_CONTROL,
    tenant: Annotated[str | None, typer.Option(help="The tenant that sends.")] = None,
) -> None:
    """Send what a fleet of clients, OmniRelay nodes, MeshKit shards and Hugo queues would, until stopped."""
    if context.invoked_subcommand:
        return
    from backbone.config.units import Address, Duration  # noqa: PLC0415
    from backbone.model.errors import BackboneError  # noqa: PLC0415
    from backbone.simulate.run import Simulation, SimulationOptions  # noqa: PLC0415 - heavy
    from backbone.simulate.sizes import SIZES  # noqa: PLC0415

    if size not in SIZES:
        near = difflib.get_close_matches(size, SIZES, n=1)
        guess = f"; did you mean '{near[0]}'?" if near else ""
        raise typer.BadParameter(f"expected one of {', '.join(SIZES)}, got '{size}'{guess}", param_hint="--size")
    try:
        seconds = Duration.parse(for_).seconds if for_ else None
        address, server = Address.parse(control), Address.parse(otlp_grpc)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not address.is_loopback:
        raise typer.BadParameter(
            f"expected a loopback address, as whoever reaches it may break the fleet, got '{control}'"
        )
    options = SimulationOptions(
        otlp_grpc=str(server),
        series=series or SIZES[size],
        calls_per_second=rate,
        duration_seconds=seconds,
        seed=seed,
        tenant=tenant,
    )
    try:
        asyncio.run(_run(Simulation(options), address.host, address.port))
    except BackboneError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


async def _run(simulation: Simulation, host: str, port: int) -> None:
    from rich.console import Console  # noqa: PLC0415

    from backbone.cli.fleet_view import table  # noqa: PLC0415

    console = Console()
    await run_fleet(simulation, host, port, console)
    console.print(table(simulation.progress))


async def run_fleet(simulation: Simulation, host: str, port: int, console: Console) -> None:
    """Run the fleet with its controls at *host* and *port*, and show it, until it ends or a signal comes."""
    from rich.live import Live  # noqa: PLC0415

    from backbone.cli.fleet_view import line, table  # noqa: PLC0415
    from backbone.serve.server import HttpServer, ServerOptions, bind  # noqa: PLC0415 - heavy
    from backbone.simulate.control import control_app  # noqa: PLC0415

    stop = stop_on_signals()
    with bind(host, port, "control", "--control") as listener:
        server = HttpServer(control_app(simulation), listener, ServerOptions())
        serving = asyncio.create_task(server.run())
        live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None

        def show(progress: Progress) -> None:
            if live:
                live.update(table(progress))
            elif progress.seconds % 5 == 0:
                print(line(progress), flush=True)

        with live or nullcontext():
            running, stopped = asyncio.create_task(simulation.run(show)), asyncio.create_task(stop.wait())
            await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            simulation.stop()
            await running
        server.stop()
        await serving


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGINT or SIGTERM sets."""
    import signal  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


@fault.command("inject")
def inject(
    kind: Annotated[
        str, typer.Argument(help="queue-jam, peer-loss, slow-shard, error-burst, log-flood, cardinality-bomb.")
    ],
    target: Annotated[str | None, typer.Option(help="What is hit; without it the first one possible.")] = None,
    for_: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="How long, like 30s.")] = None,
    control: Control = DEFAULT_CONTROL,
) -> None:
    """Put a fault in force until it is lifted, or for some time."""
    answer = _ask("POST", control, f"/faults/{kind}", {"target": target, "duration": for_})
    print(f"{answer['kind']} hits {answer['target']}: {answer['what']}")


@fault.command("lift")
def lift(
    kind: Annotated[str, typer.Argument(help="The kind of fault, or all.")], control: Control = DEFAULT_CONTROL
) -> None:
    """End a fault, or all of them."""
    answer = _ask("DELETE", control, f"/faults/{kind}")
    print(f"lifted; in force: {', '.join(fault['kind'] for fault in answer['active']) or 'none'}")


@fault.command("list")
def list_(control: Control = DEFAULT_CONTROL) -> None:
    """Show the faults in force and those there are."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    answer = _ask("GET", control, "/faults")
    active = {fault["kind"]: fault["target"] for fault in answer["active"]}
    table = Table("fault", "in force at", "what happens", box=None)
    for kind, what in answer["kinds"].items():
        table.add_row(kind, active.get(kind, ""), what, style="bold red" if kind in active else "")
    Console().print(table)


def _ask(method: str, control: str, path: str, wish: dict[str, str | None] | None = None) -> Any:
    import httpx  # noqa: PLC0415

    try:
        answer = httpx.request(method, f"http://{control}{path}", json=wish, timeout=5)
    except httpx.HTTPError:
        print(f"no fleet is controlled at {control}; start one with 'backbone simulate'", file=sys.stderr)
        raise typer.Exit(1) from None
    body = answer.json()
    if answer.status_code != 200:
        print(body["error"], file=sys.stderr)
        raise typer.Exit(1)
    return body
