"""How every face runs a query: a few at a time for each tenant, and only while someone waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import BackboneError, LimitExceeded
from backbone.model.tenant import Tenants
from backbone.query.federation.peer import HOPS_HEADER, hops
from backbone.serve.errors import CLIENT_GONE

_OPTION = "store.query.concurrency"

T = TypeVar("T")
Handler = Callable[[Request, str], Awaitable[Response]]
"""Answers a request of a tenant."""


class ClientGone(Exception):  # noqa: N818 - nothing went wrong
    """Whoever asked does not wait any more."""


class QueryRunner:
    """
    Runs queries, at most *slots* of one tenant at a time; *waiting* more wait for their turn.

    One is shared by all faces, so that a tenant's share does not depend on the API it uses.
    """

    def __init__(self, slots: int, tenants: Tenants, waiting: int = 0) -> None:
        self.tenants = tenants
        self._slots = slots
        self._waiting = waiting
        self._turns: dict[str, _Turns] = {}

    async def run(self, request: Request, tenant: str, work: Coroutine[Any, Any, T]) -> T:
        """
        Return what *work* returns; it is cancelled when the client goes away. The request's body has been read.

        Raises:
            LimitExceeded: the tenant has as many queries running and waiting as it may.
            ClientGone: the client went away.
        """
        try:
            return await _while_connected(request, self._in_turn(tenant, work))
        finally:
            work.close()

    def route(
        self,
        path: str,
        handler: Handler,
        refuse: Callable[[BackboneError], Response],
        methods: Sequence[str] = ("GET",),
    ) -> Route:
        """
        Return the route that answers *path* for the tenant named in the request.

        Args:
            refuse: what the face answers to an error.
        """

        async def endpoint(request: Request) -> Response:
            through = request.headers.get(HOPS_HEADER, "")
            hops.set(tuple(through.split(",")) if through else ())
            try:
                return await handler(request, self.tenants.parse(request.headers.get(self.tenants.header)))
            except BackboneError as error:
                return refuse(error)
            except ClientGone:
                return Response(status_code=CLIENT_GONE)

        return Route(path, endpoint, methods=list(methods), name=f"{handler.__module__}:{path}")

    async def _in_turn(self, tenant: str, work: Coroutine[Any, Any, T]) -> T:
        turns = self._turns.setdefault(tenant, _Turns(asyncio.Semaphore(self._slots)))
        if turns.held >= self._slots + self._waiting:
            raise LimitExceeded(
                f"tenant '{tenant}' has {self._slots} queries running, as many as '{_OPTION}' allows, "
                f"and {self._waiting} waiting",
                limit=_OPTION,
                retry_after_seconds=1.0,
            )
        turns.held += 1
        try:
            async with turns.free:
                return await work
        finally:
            turns.held -= 1
            if not turns.held:
                self._turns.pop(tenant, None)


@dataclass(slots=True)
class _Turns:
    """Of a tenant: what lets its queries run, and how many run or wait."""

    free: asyncio.Semaphore
    held: int = 0


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
