"""``backbone serve``: run the server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path | None, typer.Option("--config", help="The configuration; without it, defaults.")]


def serve(
    config: ConfigFile = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where telemetry is kept.")] = None,
    http: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The main port.")] = None,
    otlp_grpc: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="OTLP over gRPC.")] = None,
    otlp_http: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="OTLP over HTTP.")] = None,
) -> None:
    """Take telemetry in, keep it, answer questions about it."""
    import uvloop  # noqa: PLC0415 - heavy

    from backbone.config.load import load_config  # noqa: PLC0415 - heavy
    from backbone.model.errors import BackboneError  # noqa: PLC0415
    from backbone.telemetry.logs import set_up_logs  # noqa: PLC0415

    overrides = {
        "store.data_dir": str(data_dir) if data_dir else None,
        "http.listen": http,
        "receivers.otlp_grpc.listen": otlp_grpc,
        "receivers.otlp_http.listen": otlp_http,
    }
    try:
        settings = load_config(config, {option: value for option, value in overrides.items() if value is not None})
        set_up_logs(settings.telemetry.log_format, settings.telemetry.log_level)
        uvloop.run(_serve(settings))
    except BackboneError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


@contextlib.asynccontextmanager
async def _reloading_on_hangup(reload: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Read the policy again on SIGHUP, for as long as the context lasts; what is wrong with it is logged."""
    import structlog  # noqa: PLC0415

    from backbone.model.errors import BackboneError  # noqa: PLC0415

    wanted = asyncio.Event()

    async def run() -> None:
        while True:
            await wanted.wait()
            wanted.clear()
            try:
                await reload()
            except BackboneError as error:
                structlog.get_logger("backbone").error("policy not reloaded", error=str(error))

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, wanted.set)
    task = asyncio.create_task(run(), name="reload")
    try:
        yield
    finally:
        task.cancel()


async def _serve(settings: object) -> None:
    import structlog  # noqa: PLC0415

    from backbone import __version__  # noqa: PLC0415
    from backbone.app import Backbone  # noqa: PLC0415
    from backbone.config.model import Config  # noqa: PLC0415

    assert isinstance(settings, Config)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    log = structlog.get_logger("backbone")
    async with Backbone.start(settings) as backbone, _reloading_on_hangup(backbone.reload):
        # What stands now stays, so that nobody looks again and again whether it is garbage.
        gc.collect()
        gc.freeze()
        host, port = backbone.http.address
        log.info("ready", version=__version__, http=f"{host}:{port}", data_dir=str(settings.store.data_dir))
        await stop.wait()
        log.info("stopping")
    log.info("stopped")
