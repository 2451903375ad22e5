"""
``tail``: new lines as they come in, over a WebSocket. Source: Loki 3, HTTP API, "Stream logs".

Lines are found by the requests that they came with, so that none is missed that is stored late, and none comes twice.
"""

from __future__ import annotations

import asyncio
import contextlib

import orjson
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from backbone.model.errors import BackboneError, UserInputError
from backbone.model.time import NANOSECONDS_PER_SECOND, now_ns
from backbone.query.logql.ast import Distinct, LogQuery
from backbone.query.logql.lines import Line, Window, arrived_lines, find_lines
from backbone.query.logql.parser import parse_log_query
from backbone.serve.loki.answers import CATEGORIZE, streams
from backbone.serve.loki.given import DEFAULT_LIMIT, given_count, given_moment
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits

_PERIOD_SECONDS = 0.5
_HOUR_NS = 3_600 * NANOSECONDS_PER_SECOND
_MOST_DELAY_SECONDS = 5
_STORED_WITHIN_NS = 30 * NANOSECONDS_PER_SECOND
_POLICY_VIOLATION = 1008
_MOST_REASON_BYTES = 120
_FLAGS_HEADER = "x-loki-response-encoding-flags"


def tail_route(engine: Engine, limits: QueryLimits, max_lines: int, runner: QueryRunner) -> WebSocketRoute:
    """Return the route of live tails."""

    async def tail(socket: WebSocket) -> None:
        await socket.accept()
        try:
            tenant = runner.tenants.parse(socket.headers.get(runner.tenants.header))
            told = _Tail(engine, limits, tenant, socket, max_lines)
        except BackboneError as error:
            await socket.close(_POLICY_VIOLATION, str(error).encode()[:_MOST_REASON_BYTES].decode(errors="ignore"))
            return
        await told.run()

    return WebSocketRoute("/loki/api/v1/tail", tail, name="loki tail")


class _Tail:
    def __init__(self, engine: Engine, limits: QueryLimits, tenant: str, socket: WebSocket, max_lines: int) -> None:
        given = socket.query_params
        self._engine = engine
        self._limits = limits
        self._tenant = tenant
        self._socket = socket
        self._query: LogQuery = parse_log_query(given.get("query", ""))
        if any(isinstance(stage, Distinct) for stage in self._query.stages):
            raise UserInputError("distinct is not for tails")
        self._limit = given_count(given, "limit", DEFAULT_LIMIT, max_lines)
        delay = given.get("delay_for") or "0"
        if not (delay.isascii() and delay.isdecimal() and int(delay[:9]) <= _MOST_DELAY_SECONDS):
            raise UserInputError(f"'delay_for': expected 0 to {_MOST_DELAY_SECONDS} seconds, got {delay[:40]!r}")
        self._delay_ns = int(delay) * NANOSECONDS_PER_SECOND
        now = now_ns()
        self._start = given_moment(given, "start", now=now, default=now - _HOUR_NS)
        self._categorized = CATEGORIZE in socket.headers.get(_FLAGS_HEADER, "")

    async def run(self) -> None:
        """Send lines until the client goes away."""
        telling = asyncio.create_task(self._tell())
        listening = asyncio.create_task(self._gone())
        await asyncio.wait({telling, listening}, return_when=asyncio.FIRST_COMPLETED)
        for task in (telling, listening):
            task.cancel()
        for outcome in await asyncio.gather(telling, listening, return_exceptions=True):
            if isinstance(outcome, BackboneError):
                with contextlib.suppress(RuntimeError):
                    await self._socket.close(_POLICY_VIOLATION, str(outcome)[:_MOST_REASON_BYTES])

    async def _gone(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await self._socket.receive_text()

    async def _tell(self) -> None:
        began = now_ns()
        # What there is already, oldest first; from here on what comes in.
        window = Window(self._start, began - self._delay_ns, self._limit)
        before = await find_lines(self._engine, self._tenant, self._query, window, self._limits)
        await self._send(before[::-1])
        seen: dict[int, None] = {}
        while True:
            await asyncio.sleep(_PERIOD_SECONDS + self._delay_ns / NANOSECONDS_PER_SECOND)
            since = max(began, now_ns() - _STORED_WITHIN_NS)
            seen = {request: None for request in seen if request >= since}
            found = await arrived_lines(
                self._engine, self._tenant, self._query, since, list(seen), self._limit, self._limits
            )
            seen.update((one.request, None) for one in found)
            await self._send([one.line for one in found])

    async def _send(self, lines: list[Line]) -> None:
        if lines:
            told = {"streams": streams(lines, categorized=self._categorized), "dropped_entries": []}
            await self._socket.send_text(orjson.dumps(told).decode())
