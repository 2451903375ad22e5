"""The composition root's second half: what answers questions, from the configuration."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from backbone.config.dump import dump, flat
from backbone.config.model import Config, PeerConfig
from backbone.query.catalog import TableCatalog
from backbone.query.federation.catalog import FederatedCatalog
from backbone.query.federation.peer import Peer, PeerOptions
from backbone.query.federation.source import FederatedSource, FederationOptions
from backbone.query.logql.engine import LogQL, LogQLOptions
from backbone.query.promql.delegate import Delegating
from backbone.query.promql.engine import PromQL, PromQLOptions
from backbone.query.promql.fetch import TableSource
from backbone.query.promql.source import Source
from backbone.query.promql.table_reader import TableOptions
from backbone.query.usage import Usage
from backbone.records.searches import Searches
from backbone.serve.asked import Asked, PolicyInForce, ServerFacts
from backbone.store.engine import Engine, QueryLimits


@contextlib.asynccontextmanager
async def open_asked(
    config: Config, engine: Engine, searches: Searches, usage: Usage, policy: PolicyInForce
) -> AsyncIterator[Asked]:
    """Open what the faces ask for as long as the context lasts."""
    query = config.store.query
    limits = QueryLimits(
        timeout_seconds=query.timeout.seconds,
        max_memory_bytes=query.max_memory.bytes,
        max_rows_read=query.max_rows_read,
    )
    own, catalog = _source(config, engine, usage), TableCatalog(engine, limits)
    logql = LogQL(engine, limits, LogQLOptions(config.logql.max_lines, config.logql.max_series))
    if not config.federation.peers:
        yield Asked(engine, limits, own, catalog, _promql(config, own), logql, searches, _facts(config), policy)
        return
    federation = config.federation
    identity = uuid.uuid4().hex
    options = FederationOptions(identity, federation.external_labels, federation.replica_labels)
    async with contextlib.AsyncExitStack() as stack:
        peers = [_peer(config, peer, identity) for peer in federation.peers]
        for peer in peers:
            stack.push_async_callback(peer.close)
        source = FederatedSource(own, peers, options)
        promql = _promql(config, source, source)
        everyone = FederatedCatalog(catalog, peers, options)
        yield Asked(engine, limits, source, everyone, promql, logql, searches, _facts(config), policy)


def _peer(config: Config, peer: PeerConfig, identity: str) -> Peer:
    options = PeerOptions(
        name=peer.name,
        url=peer.url,
        read=peer.read,
        push_down=peer.push_down,
        external_labels=peer.external_labels,
        headers={name: value.reveal() for name, value in peer.headers.items()},
        timeout_seconds=peer.timeout.seconds,
        max_samples=config.promql.max_samples,
    )
    return Peer(options, identity, config.tenants.header)


def _facts(config: Config) -> ServerFacts:
    return ServerFacts(dump(config), flat(config), datetime.now(UTC), str(config.store.retention.metrics))


def _source(config: Config, engine: Engine, usage: Usage) -> TableSource:
    options, query = config.promql, config.store.query
    limits = QueryLimits(
        timeout_seconds=options.timeout.seconds,
        max_memory_bytes=query.max_memory.bytes,
        max_rows_read=query.max_rows_read,
    )
    return TableSource(
        engine,
        TableOptions(
            limits,
            max_series=options.max_series,
            max_samples=options.max_samples,
            max_cached_bytes=options.cached_samples.bytes,
            start_timestamps="use-start-timestamps" in options.features,
            type_and_unit_labels="type-and-unit-labels" in options.features,
        ),
        usage,
    )


def _promql(config: Config, source: Source, others: Delegating | None = None) -> PromQL:
    options = config.promql
    return PromQL(
        source,
        PromQLOptions(
            lookback_ms=int(options.lookback.seconds * 1000),
            default_step_ms=int(options.evaluation_interval.seconds * 1000),
            timeout_seconds=options.timeout.seconds,
            max_samples=options.max_samples,
            features=frozenset(options.features),
        ),
        others,
    )
