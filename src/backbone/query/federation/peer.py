"""Another server, asked through remote read and Prometheus' query API."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

import cramjam
import httpx

from backbone.model.errors import DependencyError
from backbone.query.federation.query_answer import data_of, series_of, vector_of
from backbone.query.federation.read_answer import read_answer
from backbone.query.promql.ast import Span, VectorSelector
from backbone.query.promql.printer import print_expr
from backbone.query.promql.source import Report, Selection
from backbone.query.promql.values import Grid, Series, Vector
from backbone.query.remote_read import read_request
from backbone.query.selectors import Matcher

HOPS_HEADER = "X-Backbone-Hops"
"""Names the servers that a question came through, so that none answers it twice."""
MAX_HOPS = 8

hops: ContextVar[tuple[str, ...]] = ContextVar("hops", default=())
"""The servers that the question being answered came through."""

_CONNECT_SECONDS = 3.0
_REST_SECONDS = 10.0
"""How long a peer that could not be reached is left alone: a dashboard waits for it once, not once a panel."""


@dataclass(frozen=True, slots=True)
class PeerOptions:
    """Where a peer is, and how it is asked."""

    name: str
    url: str
    read: Literal["remote_read", "query"] = "remote_read"
    push_down: bool = True
    external_labels: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float = 30.0
    max_samples: int = 50_000_000


class RefusedError(DependencyError):
    """The peer does not take what it was asked; another question may do."""


class Peer:
    """A peer; raises `DependencyError` where it does not answer as it should, and then names it."""

    def __init__(self, options: PeerOptions, identity: str, tenant_header: str) -> None:
        self.options = options
        self._identity = identity
        self._tenant_header = tenant_header
        self._rests_until, self._last_error = 0.0, ""
        self._client = httpx.AsyncClient(
            base_url=options.url.rstrip("/"),
            headers=dict(options.headers),
            timeout=httpx.Timeout(options.timeout_seconds, connect=min(_CONNECT_SECONDS, options.timeout_seconds)),
        )

    @property
    def name(self) -> str:
        return self.options.name

    async def close(self) -> None:
        await self._client.aclose()

    async def select(self, tenant: str, wanted: Selection, report: Report) -> Series:
        """Return the raw samples of a selection."""
        began = time.perf_counter()
        if self.options.read == "remote_read":
            headers = {
                "Content-Type": "application/x-protobuf",
                "Content-Encoding": "snappy",
                "X-Prometheus-Remote-Read-Version": "0.1.0",
            }
            body = bytes(cramjam.snappy.compress_raw(read_request(wanted)))
            answer = await self._ask(tenant, "/api/v1/read", content=body, headers=headers)
            found: Series = self._named(read_answer, answer, self.options.max_samples)
        else:
            given = {"query": _range_text(wanted), "time": _seconds(wanted.end_ms)}
            data = await self._data(tenant, "/api/v1/query", given, report)
            found = self._named(series_of, data, self.options.max_samples)
        report.took(f"peer {self.name}", time.perf_counter() - began, len(found.floats.times))
        return found

    async def evaluate(self, tenant: str, text: str, grid: Grid, lookback_ms: int, report: Report) -> Vector:
        """
        Return the value of a query at each step.

        Raises:
            RefusedError: the peer cannot evaluate it, or its value is of a kind that cannot be passed on.
        """
        began = time.perf_counter()
        given = {"query": text, "lookback_delta": f"{lookback_ms}ms"}
        if grid.step:
            given |= {"start": _seconds(grid.start), "end": _seconds(grid.end), "step": _seconds(grid.step)}
            data = await self._data(tenant, "/api/v1/query_range", given, report)
        else:
            data = await self._data(tenant, "/api/v1/query", {**given, "time": _seconds(grid.start)}, report)
        evaluated: Vector = self._named(vector_of, data, grid, self.options.max_samples)
        report.took(f"peer {self.name}: {text}", time.perf_counter() - began, evaluated.labels.size)
        return evaluated

    async def names(self, tenant: str, path: str, given: Mapping[str, Any]) -> list[Any]:
        """Return the list that a metadata endpoint answers."""
        body = await self._ask(tenant, path, "GET", params=given)
        data, _warnings = self._named(data_of, body)
        return data if isinstance(data, list) else []

    async def _data(self, tenant: str, path: str, given: Mapping[str, str], report: Report) -> Any:
        data, warnings = self._named(data_of, await self._ask(tenant, path, data=given))
        for warning in warnings:
            report.warn(f"peer {self.name}: {warning}")
        return data

    async def _ask(self, tenant: str, path: str, method: str = "POST", **request: Any) -> bytes:
        if time.monotonic() < self._rests_until:
            raise DependencyError(f"peer {self.name} is left out for a while: {self._last_error}")
        through = (*hops.get(), self._identity)
        headers = {**request.pop("headers", {}), self._tenant_header: tenant, HOPS_HEADER: ",".join(through)}
        try:
            response = await self._client.request(method, path, headers=headers, **request)
        except httpx.HTTPError as error:
            self._last_error = f"{type(error).__name__}: {error}".removesuffix(": ")
            self._rests_until = time.monotonic() + _REST_SECONDS
            raise DependencyError(f"peer {self.name} cannot be reached: {self._last_error}") from error
        if response.status_code >= 300:
            said = response.text[:200].strip()
            refused = RefusedError if 400 <= response.status_code < 500 else DependencyError
            raise refused(f"peer {self.name} answered {response.status_code}: {said}")
        return response.content

    def _named(self, read: Any, *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except DependencyError as error:
            raise type(error)(f"peer {self.name}: {error}") from error


def _range_text(wanted: Selection) -> str:
    """Return the range selector whose samples, at the end of the selection, are those of the selection."""
    selector = VectorSelector(Span(0, 0), "", _sorted(wanted.matchers))
    return f"{print_expr(selector)}[{max(wanted.end_ms - wanted.start_ms, 1)}ms]"


def _sorted(matchers: Sequence[Matcher]) -> tuple[Matcher, ...]:
    return tuple(sorted(matchers, key=lambda matcher: matcher.label))


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
