"""The HTTP server: uvicorn on sockets bound beforehand, which cuts off senders that do not finish their headers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from backbone.model.errors import StartError

_HEADER_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ServerOptions:
    max_connections: int = 1024
    idle_seconds: float = 75.0


def bind(host: str, port: int, option: str, flag: str) -> socket.socket:
    """
    Return a socket that listens.

    Raises:
        StartError: the address is taken or none of this machine's; the text names *option* and *flag*.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, so that asyncio switches delays of small packets off: they cost 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise StartError(
            f"{option}: cannot listen on {host}:{port}: {error.strerror}; choose another with {flag} HOST:PORT"
        ) from error
    listener.setblocking(False)
    return listener


class HttpServer:
    """One listening socket and the application behind it."""

    def __init__(self, app: ASGIApp, listener: socket.socket, options: ServerOptions) -> None:
        self._listener = listener
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="websockets-sansio",
                ws_max_size=1 << 16,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=options.max_connections,
                timeout_keep_alive=int(options.idle_seconds),
                timeout_graceful_shutdown=8,
                h11_max_incomplete_event_size=64 << 10,
            )
        )

    @property
    def address(self) -> tuple[str, int]:
        host, port, *_ = self._listener.getsockname()
        return host, port

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        """Take no more requests; `run` ends when those under way are answered."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the application, which stops its parts in order."""
        yield


class _Protocol(HttpToolsProtocol):
    """Closes a connection whose request headers are not complete in time."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._start_timer()

    def on_message_begin(self) -> None:
        self._start_timer()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(_HEADER_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
