"""``backbone replay``: record requests on their way, and send them again."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from backbone.config.units import Address
    from backbone.simulate.replay import Rate, Replayed

replay = typer.Typer(name="replay", no_args_is_help=True, help="Record requests, and send them again.")


@replay.command()
def record(
    file: Annotated[Path, typer.Argument(help="The recording to write.")],
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where senders send.")] = "127.0.0.1:4319",
    forward: Annotated[str | None, typer.Option(metavar="URL", help="The server behind; without it, none.")] = None,
    for_: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="How long, like 60s.")] = None,
) -> None:
    """Write down OTLP/HTTP and remote-write requests, and pass them on."""
    from backbone.config.units import Address, Duration  # noqa: PLC0415

    try:
        address, seconds = Address.parse(listen), Duration.parse(for_).seconds if for_ else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    asyncio.run(_record(file, address, forward, seconds))


async def _record(file: Path, listen: Address, forward: str | None, seconds: float | None) -> None:
    import httpx  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from backbone.cli.simulate import stop_on_signals  # noqa: PLC0415
    from backbone.serve.server import HttpServer, ServerOptions, bind  # noqa: PLC0415 - heavy
    from backbone.simulate.proxy import recording_app  # noqa: PLC0415
    from backbone.simulate.recording import Recorder  # noqa: PLC0415

    stop = stop_on_signals()
    async with AsyncExitStack() as stack:
        behind = await stack.enter_async_context(httpx.AsyncClient(base_url=forward, timeout=60)) if forward else None
        recorder = stack.enter_context(Recorder.create(file))
        listener = stack.enter_context(bind(listen.host, listen.port, "listen", "--listen"))
        server = HttpServer(recording_app(recorder, behind), listener, ServerOptions())
        serving = asyncio.create_task(server.run())
        with Console(stderr=True).status(f"recording what comes to {listen}; Ctrl-C ends"):
            try:
                async with asyncio.timeout(seconds):
                    await stop.wait()
            except TimeoutError:
                pass
        server.stop()
        await serving
    print(f"{recorder.requests} requests in {file}")


@replay.command()
def run(
    file: Annotated[Path, typer.Argument(help="The recording to send.", exists=True, dir_okay=False)],
    rate: Annotated[
        str, typer.Option(help="A multiple of the recorded times (2x), requests a second (500/s), max.")
    ] = "1x",
    http: Annotated[str, typer.Option(metavar="HOST:PORT", help="The server.")] = "127.0.0.1:7070",
    connections: Annotated[int, typer.Option(min=1, max=1000, help="Requests on their way at a time.")] = 8,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Send a recording's requests again, and print rate, lag and refusals."""
    from backbone.model.errors import BackboneError  # noqa: PLC0415
    from backbone.simulate.replay import Rate  # noqa: PLC0415 - heavy

    try:
        state, seconds = asyncio.run(_run(file, Rate.parse(rate), http, connections))
    except BackboneError as error:
        print(f"{file}: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    _summarise(state, seconds, as_json=json)
    raise typer.Exit(1 if state.failed else 0)


async def _run(file: Path, rate: Rate, http: str, connections: int) -> tuple[Replayed, float]:
    import time  # noqa: PLC0415

    import httpx  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from backbone.simulate.recording import read_recording  # noqa: PLC0415
    from backbone.simulate.replay import replay as send  # noqa: PLC0415

    # Read once to know how long it is: damage is told before anything is sent.
    with file.open("rb") as recording:
        total = sum(1 for _ in read_recording(recording))
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    started = time.monotonic()
    limits = httpx.Limits(max_connections=connections)
    with file.open("rb") as recording, Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)

        def show(state: Replayed) -> None:
            done = state.acknowledged + state.failed
            speed = done / max(1e-9, time.monotonic() - started)
            told_to_wait = state.answers.total() - done
            text = f"{speed:,.0f} requests/s, lag {state.lag_seconds:.1f} s, told to wait {told_to_wait}"
            progress.update(task, completed=done, description=f"{text}, refused {state.failed}")

        async with httpx.AsyncClient(base_url=f"http://{http}", timeout=60, limits=limits) as client:
            state = await send(read_recording(recording), client, rate, connections, show)
    return state, time.monotonic() - started


def _summarise(state: Replayed, seconds: float, *, as_json: bool) -> None:
    import orjson  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    facts: dict[str, object] = {
        "requests": state.sent,
        "acknowledged": state.acknowledged,
        "refused": state.failed,
        "bytes": state.bytes,
        "seconds": round(seconds, 3),
        "requests_per_second": round(state.sent / seconds, 1) if seconds else 0,
        "lag_seconds": round(state.lag_seconds, 3),
        "answers": {str(code): count for code, count in sorted(state.answers.items())},
        "first_error": state.first_error,
    }
    if as_json:
        print(orjson.dumps(facts).decode())
        return
    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int | float) else str(value))
    Console().print(table)
