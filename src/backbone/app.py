"""
The composition root: builds the stages from the configuration, starts them in order and stops them in reverse.

This is the only place that knows which part stands behind which protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self

import structlog
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from backbone.config.dump import dump, flat
from backbone.config.load import load_policy
from backbone.config.model import Config, PeerConfig
from backbone.model.errors import BackboneError
from backbone.model.tenant import Tenants
from backbone.model.time import now_ns
from backbone.process import Pipeline, Policy, compile_policy, faults_query, pipeline
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
from backbone.receive.body import BodyLimits
from backbone.receive.commit import CommitOptions, Lane
from backbone.receive.door import HttpDoor, Reception
from backbone.receive.intake import Intake
from backbone.receive.notes import CommitNotes
from backbone.receive.otlp import SIGNALS
from backbone.receive.otlp_grpc import OtlpGrpc, OtlpGrpcOptions
from backbone.receive.otlp_http import OtlpHttp
from backbone.receive.remote_write import RemoteWrite
from backbone.records.database import Records
from backbone.records.searches import Searches
from backbone.serve.asked import Asked, FixedPolicy, PolicyInForce, ServerFacts
from backbone.serve.asking import asking_routes
from backbone.serve.health import health_routes
from backbone.serve.server import HttpServer, ServerOptions, bind
from backbone.store.edges import sum_up_edges
from backbone.store.embedded import EmbeddedOptions, open_embedded
from backbone.store.engine import Engine, QueryLimits
from backbone.store.flow import install, refill
from backbone.store.migrate import migrate
from backbone.store.retention import apply_retention
from backbone.store.wire import WireName, wire
from backbone.telemetry.metrics import Metrics

_log = structlog.get_logger("backbone")

_WIRES: dict[WireName, str] = {"traces": "traces", "logs": "logs", "metrics": "metrics", "remote_write": "metrics"}
"""The lanes and the signal each carries."""
_GRACE_SECONDS = 5.0
_FOR_EVER_SECONDS = 100 * 365 * 86_400
_UPKEEP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Backbone:
    """A server that takes telemetry in and answers; made by `start`."""

    engine: Engine
    http: HttpServer
    otlp_http: HttpServer | None

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, config: Config) -> AsyncIterator[Self]:
        """
        Run a server for as long as the context lasts; it is ready when the context is entered.

        On leaving it, no more requests are taken, those that wait are committed and answered, and the store is closed.

        Raises:
            StartError: a port or the data directory stands in the way.
        """
        metrics = Metrics()
        retention = config.store.retention
        policy = FixedPolicy(load_policy(config.policy.file))
        flow = pipeline(
            compile_policy(policy.config),
            traces_kept_seconds=int(retention.traces.seconds),
            logs_kept_seconds=int(retention.logs.seconds),
        )
        async with contextlib.AsyncExitStack() as stack:
            engine = await stack.enter_async_context(_store(config, flow))
            lanes = await stack.enter_async_context(_lanes(config, engine, flow, metrics))
            await stack.enter_async_context(_upkeep(engine))
            records = await stack.enter_async_context(Records.open(config.store.data_dir))
            asked = await stack.enter_async_context(_asked(config, engine, Searches(records), policy))
            ready = asyncio.Event()
            servers = await stack.enter_async_context(_faces(config, asked, lanes, metrics, ready))
            ready.set()
            try:
                yield cls(engine, *servers)
            finally:
                ready.clear()


@contextlib.asynccontextmanager
async def _store(config: Config, flow: Pipeline) -> AsyncIterator[Engine]:
    store = config.store
    options = EmbeddedOptions(
        max_memory_bytes=store.engine.max_memory.bytes,
        threads=store.engine.threads,
        connections=store.engine.connections,
    )
    async with open_embedded(store.data_dir, options) as engine:
        await migrate(engine)
        keep = store.retention
        await apply_retention(
            engine,
            {
                "metrics": keep.metrics.seconds,
                "logs": keep.logs.seconds,
                "traces": keep.traces.seconds,
                "rollups": keep.rollups.seconds,
            },
        )
        await install(engine, [wire(name) for name in _WIRES], flow)
        yield engine


@contextlib.asynccontextmanager
async def scratch_store(directory: Path) -> AsyncIterator[Engine]:
    """Open tables in *directory* that keep everything, for trying things out."""
    flow = pipeline(Policy(), traces_kept_seconds=_FOR_EVER_SECONDS, logs_kept_seconds=_FOR_EVER_SECONDS)
    async with open_embedded(directory, EmbeddedOptions()) as engine:
        await migrate(engine)
        await install(engine, [wire(name) for name in _WIRES], flow)
        yield engine


@contextlib.asynccontextmanager
async def _lanes(
    config: Config, engine: Engine, flow: Pipeline, metrics: Metrics
) -> AsyncIterator[Mapping[WireName, Lane]]:
    commit = config.commit
    options = CommitOptions(
        max_group_bytes=commit.max_group.bytes,
        max_group_requests=commit.max_group_requests,
        linger_seconds=commit.linger.seconds,
        rest_ratio=commit.rest_ratio,
        retries=commit.retries,
    )
    directory = config.store.data_dir / "notes"
    lanes = {
        name: Lane(
            wire(name),
            signal,
            faults_query(name),
            engine,
            await CommitNotes.open(directory, name, engine),
            options,
            metrics,
            partial(refill, engine, flow, wire(name).table),
        )
        for name, signal in _WIRES.items()
    }
    running = [asyncio.create_task(lane.run(), name=f"lane {name}") for name, lane in lanes.items()]
    try:
        yield lanes
    finally:
        for lane in lanes.values():
            lane.close()
        await asyncio.gather(*running)


@contextlib.asynccontextmanager
async def _upkeep(engine: Engine) -> AsyncIterator[None]:
    async def run() -> None:
        while True:
            await asyncio.sleep(_UPKEEP_SECONDS)
            try:
                await sum_up_edges(engine, now_ns())
            except BackboneError as error:
                _log.warning("edges not summed up, tried again", error=str(error))

    task = asyncio.create_task(run(), name="upkeep")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def _faces(
    config: Config, asked: Asked, lanes: Mapping[WireName, Lane], metrics: Metrics, ready: asyncio.Event
) -> AsyncIterator[tuple[HttpServer, HttpServer | None]]:
    reception = Reception(
        intake=Intake(config.commit.max_waiting.bytes, config.commit.retry_after.seconds, metrics),
        limits=BodyLimits(
            config.http.max_body.bytes, config.http.max_decompressed.bytes, config.http.body_timeout.seconds
        ),
        tenants=Tenants(config.tenants.header, config.tenants.default),
        metrics=metrics,
    )
    otlp = {f"/v1/{signal}": HttpDoor(OtlpHttp(signal), lanes[signal], reception) for signal in SIGNALS}
    doors: dict[str, ASGIApp] = dict(otlp)
    if config.receivers.remote_write.enabled:
        doors[RemoteWrite.path] = HttpDoor(RemoteWrite(), lanes["remote_write"], reception)
    face = Starlette(routes=[*health_routes(asked.engine, metrics, ready.is_set), *_asking(config, asked)])
    options = ServerOptions(config.http.max_connections, config.http.idle_timeout.seconds)
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(
            bind(config.http.listen.host, config.http.listen.port, "http.listen", "--http")
        )
        http = HttpServer(_DoorsFirst(doors, face), listener, options)
        otlp_http = None
        if config.receivers.otlp_http.enabled:
            listen = config.receivers.otlp_http.listen
            listener = sockets.enter_context(
                bind(listen.host, listen.port, "receivers.otlp_http.listen", "--otlp-http")
            )
            otlp_http = HttpServer(_DoorsFirst(dict(otlp), Starlette()), listener, options)
        async with _grpc(config, lanes, reception), _serving([http, *filter(None, [otlp_http])]):
            yield http, otlp_http


def _asking(config: Config, asked: Asked) -> list[BaseRoute]:
    query = config.store.query
    return asking_routes(
        asked,
        concurrency=query.concurrency,
        waiting=query.waiting,
        tenants=Tenants(config.tenants.header, config.tenants.default),
    )


@contextlib.asynccontextmanager
async def _asked(config: Config, engine: Engine, searches: Searches, policy: PolicyInForce) -> AsyncIterator[Asked]:
    query = config.store.query
    limits = QueryLimits(
        timeout_seconds=query.timeout.seconds,
        max_memory_bytes=query.max_memory.bytes,
        max_rows_read=query.max_rows_read,
    )
    own, catalog = _source(config, engine), TableCatalog(engine, limits)
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


def _source(config: Config, engine: Engine) -> TableSource:
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


@contextlib.asynccontextmanager
async def _grpc(config: Config, lanes: Mapping[WireName, Lane], reception: Reception) -> AsyncIterator[None]:
    options = config.receivers.otlp_grpc
    if not options.enabled:
        yield
        return
    server = OtlpGrpc(
        {signal: lanes[signal] for signal in SIGNALS},
        reception,
        OtlpGrpcOptions(str(options.listen), options.max_message.bytes, options.max_concurrent_calls),
    )
    await server.start()
    try:
        yield
    finally:
        await server.stop(_GRACE_SECONDS)


@contextlib.asynccontextmanager
async def _serving(servers: list[HttpServer]) -> AsyncIterator[None]:
    running = [asyncio.create_task(server.run(), name="http") for server in servers]
    try:
        yield
    finally:
        for server in servers:
            server.stop()
        await asyncio.gather(*running)


class _DoorsFirst:
    """Hands the doors their requests before any routing: they are most of what comes."""

    def __init__(self, doors: Mapping[str, ASGIApp], face: ASGIApp) -> None:
        self._doors = doors
        self._face = face

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._doors.get(scope["path"], self._face)(scope, receive, send)
