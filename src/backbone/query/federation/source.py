"""Series of this server and its peers, as one source."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from backbone.model.errors import DependencyError
from backbone.query.federation.external import are_apart, inner_matchers, inner_selection, with_external
from backbone.query.federation.merge import merged
from backbone.query.federation.peer import MAX_HOPS, Peer, RefusedError, hops
from backbone.query.federation.query_answer import HistogramsError
from backbone.query.promql.ast import Aggregation, Expr, VectorSelector
from backbone.query.promql.delegate import selector_of
from backbone.query.promql.labels import Labels, concat
from backbone.query.promql.printer import print_expr
from backbone.query.promql.source import Changes, Moment, Report, Selection, Source
from backbone.query.promql.values import Grid, Samples, Series, Vector, empty_vector
from backbone.query.promql.walk import mapped
from backbone.query.selectors import METRIC_LABEL


@dataclass(frozen=True, slots=True)
class FederationOptions:
    """What this server is called among its peers, and what tells replicas apart."""

    identity: str
    external_labels: Mapping[str, str] = field(default_factory=dict)
    replica_labels: tuple[str, ...] = ()


class FederatedSource:
    """A source and its peers; a peer that does not answer is left out with a warning that names it."""

    def __init__(self, own: Source, peers: Sequence[Peer], options: FederationOptions) -> None:
        self._own = own
        self._peers = peers
        self._options = options
        self._delegates = frozenset(peer.name for peer in peers if peer.options.push_down and self._is_apart(peer))

    async def changes(self, since: Moment | None) -> Changes | None:
        """Tell nothing: what peers were sent is not known."""
        del since
        return None

    @property
    def delegates(self) -> frozenset[str]:
        """The peers that may evaluate: those that can have no series in common with anyone else."""
        return self._delegates

    def _is_apart(self, peer: Peer) -> bool:
        labels, replicas = peer.options.external_labels, self._options.replica_labels
        others = [self._options.external_labels, *(one.options.external_labels for one in self._peers if one != peer)]
        return all(are_apart(labels, other, replicas) for other in others)

    async def select(self, tenant: str, wanted: Selection, report: Report) -> Series:
        if seen_before(self._options.identity):
            return _nothing()
        asked = [peer for peer in self._peers if peer.name not in wanted.delegated]
        parts = await asyncio.gather(
            self._own_part(tenant, wanted, report), *(_peer_part(peer, tenant, wanted, report) for peer in asked)
        )
        if len(parts) == 1:
            return parts[0]
        return await asyncio.to_thread(merged, parts, self._options.replica_labels)

    async def _own_part(self, tenant: str, wanted: Selection, report: Report) -> Series:
        external = self._options.external_labels
        inner = inner_selection(wanted, external)
        if inner is None:
            return _nothing()
        found = await self._own.select(tenant, inner, report)
        return replace(found, labels=with_external(found.labels, external))

    async def delegate(
        self, tenant: str, node: Aggregation, grid: Grid, lookback_ms: int, report: Report
    ) -> Vector | None:
        if seen_before(self._options.identity):
            return empty_vector(grid.size)
        peers = [peer for peer in self._peers if peer.name in self._delegates]
        asked = (self._delegated(peer, tenant, node, grid, lookback_ms, report) for peer in peers)
        parts = await asyncio.gather(*asked)
        known = [part for part in parts if part is not None]
        return _stacked(known, grid) if len(known) == len(parts) else None

    async def _delegated(
        self, peer: Peer, tenant: str, node: Aggregation, grid: Grid, lookback_ms: int, report: Report
    ) -> Vector | None:
        external = peer.options.external_labels
        matchers = inner_matchers(selector_of(node).matchers, external)
        if matchers is None:
            return empty_vector(grid.size)

        def inner(expr: Expr) -> Expr:
            return replace(expr, matchers=matchers, name=_name_of(expr)) if isinstance(expr, VectorSelector) else expr

        try:
            found = await peer.evaluate(tenant, print_expr(mapped(node, inner)), grid, lookback_ms, report)
        except (RefusedError, HistogramsError):
            return None
        except DependencyError as error:
            report.warn(str(error))
            return empty_vector(grid.size)
        labels = with_external(found.labels, external).drop(self._options.replica_labels)
        if node.operator not in {"topk", "bottomk"}:
            labels = labels.drop(node.grouping) if node.without else labels.keep(node.grouping)
        return replace(found, labels=labels)


def seen_before(identity: str) -> bool:
    """Tell whether the question came through this server before, or through too many."""
    through = hops.get()
    return identity in through or len(through) >= MAX_HOPS


async def _peer_part(peer: Peer, tenant: str, wanted: Selection, report: Report) -> Series:
    inner = inner_selection(wanted, peer.options.external_labels)
    if inner is None:
        return _nothing()
    try:
        found = await peer.select(tenant, inner, report)
    except DependencyError as error:
        report.warn(str(error))
        return _nothing()
    return replace(found, labels=with_external(found.labels, peer.options.external_labels))


def _name_of(selector: VectorSelector) -> str:
    return selector.name if selector.matchers and selector.matchers[-1].label == METRIC_LABEL else ""


def _nothing() -> Series:
    samples = Samples(np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0))
    return Series(Labels(0, {}), np.zeros(0, np.bool_), samples)


def _stacked(parts: Sequence[Vector], grid: Grid) -> Vector:
    parts = [empty_vector(grid.size), *parts]
    return Vector(
        concat([part.labels for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.present for part in parts]),
        np.concatenate([part.nameless for part in parts]),
    )
