"""Questions over HTTP on kept connections, timed from the first byte sent to the last one received."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

import httptools

from bench.server import HOST

TIMEOUT_SECONDS = 60.0
READ_BYTES = 1 << 20
SHOWN_BYTES = 200


@dataclass(frozen=True, slots=True)
class Request:
    """A GET of Prometheus' API."""

    path: str
    params: Mapping[str, str]

    def without_cached_results(self) -> Request:
        """Return the request with the parameter by which VictoriaMetrics and Backbone leave their caches alone."""
        return Request(self.path, {**self.params, "nocache": "1"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, and after how long."""

    status: int
    body: bytes
    seconds: float


class NoAnswer(Exception):  # noqa: N818 - says what happened
    """The server did not answer with success; the text says how."""


class _Response:
    """Collects one HTTP response as httptools parses it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.complete = False

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        self.complete = True


class Connection:
    """One kept connection, one question at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: Request) -> Reply:
        """
        Ask and return the whole reply.

        Raises:
            NoAnswer: the status is not 200, the connection broke, or the time was over.
        """
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reply = await self._exchange(request)
        except TimeoutError:
            self.close()
            raise NoAnswer(f"none within {TIMEOUT_SECONDS:.0f} s") from None
        except (OSError, EOFError, httptools.HttpParserError) as error:
            self.close()
            raise NoAnswer(f"connection: {error}") from None
        if reply.status != 200:
            text = reply.body[:SHOWN_BYTES].decode(errors="replace").strip()
            raise NoAnswer(f"status {reply.status}: {text}")
        return reply

    async def _exchange(self, request: Request) -> Reply:
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port, limit=READ_BYTES)
        reader, writer = self._streams
        head = f"GET {request.path}?{urlencode(request.params)} HTTP/1.1\r\nHost: {HOST}:{self._port}\r\n\r\n"
        started = time.perf_counter()
        writer.write(head.encode())
        response = _Response()
        parser = httptools.HttpResponseParser(response)
        while not response.complete:
            received = await reader.read(READ_BYTES)
            if not received:
                raise EOFError("closed before the answer was complete")
            parser.feed_data(received)
        seconds = time.perf_counter() - started
        if not parser.should_keep_alive():
            self.close()
        return Reply(parser.get_status_code(), b"".join(response.pieces), seconds)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Browser:
    """Some connections to one server, as many as a browser opens; each takes the next request when it is free."""

    def __init__(self, port: int, connections: int) -> None:
        self._connections = [Connection(port) for _ in range(connections)]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()

    async def ask_all(self, requests: list[Request]) -> float:
        """
        Ask all *requests* and return the seconds until the last was answered.

        Raises:
            NoAnswer: one of them was not answered; the others end first.
        """
        waiting = list(reversed(requests))

        async def work(connection: Connection) -> None:
            while waiting:
                await connection.ask(waiting.pop())

        started = time.perf_counter()
        outcomes = await asyncio.gather(*map(work, self._connections), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        return time.perf_counter() - started
