"""``backbone demo``: a server, a fleet that sends to it, and what to try next."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backbone.cli.simulate import DEFAULT_CONTROL

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from backbone.simulate.run import Progress

_DEFAULT_HTTP = "127.0.0.1:7070"
_READY_SECONDS = 60.0
_STOP_SECONDS = 15.0
_TRY_NEXT = (
    ("backbone top", "what comes in now"),
    ('backbone query logs "completed" --since 5m', "search logs"),
    ("backbone query traces --error", "failed traces; give an id to see one"),
    ("backbone query metrics taskqueue_pending_items", "a metric's series"),
    ('backbone query sql "SELECT service, count() FROM spans GROUP BY service"', "ask the tables"),
    ("backbone simulate fault inject queue-jam", "break something, then look again"),
    ("curl http://{http}/metrics", "what the server says of itself"),
)


def demo(
    for_: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="How long, like 60s.")] = None,
    data_dir: Annotated[Path, typer.Option(help="Where telemetry is kept.")] = Path("backbone-data"),
    http: Annotated[str, typer.Option(metavar="HOST:PORT", help="The server's main port.")] = _DEFAULT_HTTP,
    otlp_grpc: Annotated[str, typer.Option(metavar="HOST:PORT", help="Its OTLP/gRPC port.")] = "127.0.0.1:4317",
    otlp_http: Annotated[str, typer.Option(metavar="HOST:PORT", help="Its OTLP/HTTP port.")] = "127.0.0.1:4318",
    control: Annotated[str, typer.Option(metavar="HOST:PORT", help="The fleet's controls.")] = DEFAULT_CONTROL,
) -> None:
    """Start a server and a synthetic fleet, and print what to try next."""
    from backbone.config.units import Address, Duration  # noqa: PLC0415
    from backbone.model.errors import BackboneError  # noqa: PLC0415

    try:
        seconds = Duration.parse(for_).seconds if for_ else None
        address = Address.parse(control)
        code = asyncio.run(_demo(_Server(data_dir, http, otlp_grpc, otlp_http), address.host, address.port, seconds))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    except BackboneError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class _Server:
    """The server as a child process."""

    data_dir: Path
    http: str
    otlp_grpc: str
    otlp_http: str

    @property
    def log(self) -> Path:
        return self.data_dir / "server.log"

    @asynccontextmanager
    async def running(self, console: Console) -> AsyncIterator[None]:
        """Run it; it is ready when the context is entered, and has committed all when it is left."""
        from backbone.model.errors import StartError  # noqa: PLC0415

        self.data_dir.mkdir(parents=True, exist_ok=True)
        addresses = ("--http", self.http, "--otlp-grpc", self.otlp_grpc, "--otlp-http", self.otlp_http)
        command = (sys.executable, "-m", "backbone", "serve", "--data-dir", str(self.data_dir), *addresses)
        with self.log.open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: ASYNC220
        try:
            with console.status("starting the server"):
                started = time.monotonic()
                while not await self._is_ready():
                    if process.poll() is not None:
                        last = self.log.read_text().strip().splitlines()
                        raise StartError(last[-1] if last else "the server ended without a word")
                    if time.monotonic() - started > _READY_SECONDS:
                        raise StartError(f"the server is not ready after {_READY_SECONDS:g} s; see {self.log}")
                    await asyncio.sleep(0.1)
            console.print(f"server ready at http://{self.http} after {time.monotonic() - started:.1f} s", style="green")
            yield
        finally:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, _STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

    async def stored(self) -> dict[str, int]:
        """Return how many items the server says it stored, by signal."""
        import httpx  # noqa: PLC0415
        from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://{self.http}/metrics", timeout=10)).text
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return {s.labels["signal"]: int(s.value) for s in samples if s.name == "backbone_receive_items_total"}

    async def _is_ready(self) -> bool:
        import httpx  # noqa: PLC0415

        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"http://{self.http}/-/ready", timeout=2)).status_code == 200
        except httpx.HTTPError:
            return False


async def _demo(server: _Server, host: str, port: int, seconds: float | None) -> int:
    from rich.console import Console  # noqa: PLC0415

    from backbone.cli.simulate import run_fleet  # noqa: PLC0415
    from backbone.simulate.run import Simulation, SimulationOptions  # noqa: PLC0415 - heavy

    console = Console()
    async with server.running(console):
        console.print(_hints(server, f"{host}:{port}"))
        console.print(f"data in {server.data_dir}, the server's log in {server.log}; Ctrl-C ends both", style="dim")
        simulation = Simulation(SimulationOptions(otlp_grpc=server.otlp_grpc, duration_seconds=seconds))
        await run_fleet(simulation, host, port, console)
        _summarise(console, simulation.progress, await server.stored())
    return 0


def _hints(server: _Server, control: str) -> Table:
    """Return what to try next, with the addresses where they are not the default ones."""
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="try next, in another terminal", title_justify="left", box=None, show_header=False)
    for command, what in _TRY_NEXT:
        option = ""
        if "fault" in command and control != DEFAULT_CONTROL:
            option = f" --control {control}"
        elif command.startswith("backbone") and "fault" not in command and server.http != _DEFAULT_HTTP:
            option = f" --http {server.http}"
        table.add_row(f"[bold]{command.format(http=server.http)}{option}[/]", what)
    return table


def _summarise(console: Console, progress: Progress, stored: dict[str, int]) -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table("signal", title=f"what came in, in {progress.seconds} s", title_justify="left")
    for name in ("sent", "acknowledged", "refused", "stored, says the server"):
        table.add_column(name, justify="right")
    for signal, delivery in progress.deliveries.items():
        row = (delivery.sent, delivery.acknowledged, delivery.refused, stored.get(signal, 0))
        table.add_row(signal, *(f"{number:,}" for number in row))
    console.print(table)
