"""Series, labels and values of this server and its peers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from backbone.model.errors import DependencyError
from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.query.catalog import Catalog
from backbone.query.federation.external import inner_matchers
from backbone.query.federation.peer import Peer
from backbone.query.federation.source import FederationOptions, seen_before
from backbone.query.promql.ast import Span, VectorSelector
from backbone.query.promql.printer import print_expr
from backbone.query.promql.source import Report
from backbone.query.series import SeriesFilter


class FederatedCatalog:
    """A catalog and its peers'; a peer that does not answer is left out with a warning that names it."""

    def __init__(self, own: Catalog, peers: Sequence[Peer], options: FederationOptions) -> None:
        self._own = own
        self._peers = peers
        self._options = options

    async def series(self, tenant: str, wanted: SeriesFilter, limit: int, report: Report) -> list[dict[str, str]]:
        async def own(inner: SeriesFilter) -> list[Any]:
            return await self._own.series(tenant, inner, limit, report)

        found: dict[tuple[tuple[str, str], ...], None] = {}
        replicas = set(self._options.replica_labels)
        for external, part in await self._parts(tenant, wanted, limit, report, own, "/api/v1/series"):
            for labels in part:
                everything = {**labels, **external}
                found[tuple(sorted(item for item in everything.items() if item[0] not in replicas))] = None
        return [dict(labels) for labels in sorted(found)][:limit]

    async def names(self, tenant: str, wanted: SeriesFilter, limit: int, report: Report) -> list[str]:
        async def own(inner: SeriesFilter) -> list[Any]:
            return await self._own.names(tenant, inner, limit, report)

        found: set[str] = set()
        for external, part in await self._parts(tenant, wanted, limit, report, own, "/api/v1/labels"):
            found.update(part, external if part else ())
        return sorted(found - set(self._options.replica_labels))[:limit]

    async def values(self, tenant: str, label: str, wanted: SeriesFilter, limit: int, report: Report) -> list[str]:
        if label in self._options.replica_labels:
            return []

        async def own(inner: SeriesFilter) -> list[Any]:
            name = "__name__" if label in self._options.external_labels else label
            return await self._own.values(tenant, name, inner, limit, report)

        found: set[str] = set()
        for external, part in await self._parts(tenant, wanted, limit, report, own, "/api/v1/label/{}/values", label):
            # A server has the one value of an external label, if it has series at all.
            found.update([external[label]] if label in external and part else part)
        return sorted(found)[:limit]

    async def _parts(
        self, tenant: str, wanted: SeriesFilter, limit: int, report: Report, own: Any, path: str, label: str = ""
    ) -> list[tuple[Mapping[str, str], list[Any]]]:
        """Return what each server answered, with its external labels."""
        if seen_before(self._options.identity):
            return []

        async def ask(peer: Peer) -> list[Any]:
            external = peer.options.external_labels
            inner = _inner(wanted, external)
            if inner is None:
                return []
            where = path.format(quote("__name__" if label in external else label, safe=""))
            try:
                return await peer.names(tenant, where, _given(inner, limit))
            except DependencyError as error:
                report.warn(str(error))
                return []

        mine = self._options.external_labels
        inner = _inner(wanted, mine)
        found = await asyncio.gather(own(inner) if inner else _none(), *map(ask, self._peers))
        labels = [mine, *(peer.options.external_labels for peer in self._peers)]
        return list(zip(labels, found, strict=True))


async def _none() -> list[Any]:
    return []


def _inner(wanted: SeriesFilter, external: Mapping[str, str]) -> SeriesFilter | None:
    """Return what a server with these external labels is asked, None if none of its series can be meant."""
    if not wanted.selectors:
        return wanted
    selectors = [inner_matchers(selector, external) for selector in wanted.selectors]
    some = [selector for selector in selectors if selector is not None]
    return replace(wanted, selectors=some) if some else None


def _given(wanted: SeriesFilter, limit: int) -> dict[str, Any]:
    given: dict[str, Any] = {
        "start": f"{max(wanted.start_ns, 0) / NANOSECONDS_PER_SECOND:.3f}",
        "end": f"{wanted.end_ns / NANOSECONDS_PER_SECOND:.3f}",
        "limit": str(limit),
    }
    if wanted.selectors:
        given["match[]"] = [print_expr(VectorSelector(Span(0, 0), "", selector)) for selector in wanted.selectors]
    return given
