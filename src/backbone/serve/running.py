"""How every face runs a query: a few at a time for each tenant, and only while someone waits for the answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import BackboneError, LimitExceeded
from backbone.model.tenant import Tenants
from backbone.serve.errors import CLIENT_GONE

_OPTION = "store.query.concurrency"

T = TypeVar("T")
Handler = Callable[[Request, str], Awaitable[Response]]
"""Answers a request of a tenant."""


class ClientGone(Exception):  # noqa: N818 - nothing went wrong
    """Whoever asked does not wait any more."""


class QueryRunner:
    """
    Runs queries, at most *slots* of one tenant at a time.

    One is shared by all faces, so that a tenant's share does not depend on the API it uses.
    """

    def __init__(self, slots: int, tenants: Tenants) -> None:
        self.tenants = tenants
        self._slots = slots
        self._running: Counter[str] = Counter()

    async def run(self, request: Request, tenant: str, work: Coroutine[Any, Any, T]) -> T:
        """
        Return what *work* returns; it is cancelled when the client goes away. The request's body has been read.

        Raises:
            LimitExceeded: the tenant has as many queries running as it may.
            ClientGone: the client went away.
        """
        try:
            with self._slot(tenant):
                return await _while_connected(request, work)
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
            try:
                return await handler(request, self.tenants.parse(request.headers.get(self.tenants.header)))
            except BackboneError as error:
                return refuse(error)
            except ClientGone:
                return Response(status_code=CLIENT_GONE)

        return Route(path, endpoint, methods=list(methods), name=f"{handler.__module__}:{path}")

    @contextmanager
    def _slot(self, tenant: str) -> Iterator[None]:
        if self._running[tenant] >= self._slots:
            raise LimitExceeded(
                f"tenant '{tenant}' has {self._slots} queries running, as many as '{_OPTION}' allows",
                limit=_OPTION,
                retry_after_seconds=1.0,
            )
        self._running[tenant] += 1
        try:
            yield
        finally:
            self._running[tenant] -= 1
            if not self._running[tenant]:
                del self._running[tenant]


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
