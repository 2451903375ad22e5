"""
The composition root: builds the stages from the configuration, starts them in order and stops them in reverse.

This is the only place that knows which part stands behind which protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import structlog
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from backbone.app.asked import open_asked
from backbone.app.forms import form_of
from backbone.app.in_force import PolicyInForce
from backbone.app.upkeep import background, learning_columns, upkeep
from backbone.config.model import Config, RetentionConfig, StoreConfig
from backbone.config.policy import PolicyConfig
from backbone.model.tenant import Tenants
from backbone.process import (
    Pipeline,
    Policy,
    compile_policy,
    pipeline,
    sweeper,
)
from backbone.process.redact.key import kept_key
from backbone.query.finding_counts import FindingCounts
from backbone.query.usage import Usage
from backbone.receive.body import BodyLimits
from backbone.receive.commit import CommitOptions, Lane
from backbone.receive.door import HttpDoor, Reception
from backbone.receive.intake import Intake
from backbone.receive.kernels.warm import warm_up
from backbone.receive.known_series import KnownSeries
from backbone.receive.notes import CommitNotes
from backbone.receive.otlp import SIGNALS
from backbone.receive.otlp_grpc import OtlpGrpc, OtlpGrpcOptions
from backbone.receive.otlp_http import OtlpHttp
from backbone.receive.remote_write import RemoteWrite, RemoteWriteDoor
from backbone.receive.samples import SampleIntake
from backbone.records.database import Records
from backbone.records.searches import Searches
from backbone.serve.asked import Asked
from backbone.serve.asking import asking_routes
from backbone.serve.health import health_routes
from backbone.serve.server import HttpServer, ServerOptions, bind
from backbone.store.embedded import EmbeddedOptions, open_embedded
from backbone.store.engine import Engine
from backbone.store.flow import install
from backbone.store.migrate import migrate
from backbone.store.retention import apply_retention
from backbone.store.wire import WireName, wire
from backbone.telemetry.metrics import Metrics

_log = structlog.get_logger("backbone")

_WIRES: dict[WireName, str] = {
    "traces": "traces",
    "logs": "logs",
    "metrics": "metrics",
    "remote_write": "metrics",
    "samples": "metrics",
}
"""The lanes and the signal each carries."""
_GRACE_SECONDS = 5.0
_FOR_EVER_SECONDS = 100 * 365 * 86_400
_NO_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Backbone:
    """A server that takes telemetry in and answers; made by `start`."""

    engine: Engine
    http: HttpServer
    otlp_http: HttpServer | None
    usage: Usage
    """What queries ask for, not yet written down."""
    reload: Callable[[], Awaitable[None]]
    """Read the policy again and put it in force; raises `ConfigError` where something is wrong with it."""

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
        known, usage = KnownSeries(), Usage()
        await asyncio.to_thread(warm_up)
        async with contextlib.AsyncExitStack() as stack:
            engine = await stack.enter_async_context(_store(config))
            policy = PolicyInForce(
                config.policy.file, engine, partial(_compiled, config.store), partial(_flow, config.store.retention)
            )
            await policy.install()
            lanes = await stack.enter_async_context(_lanes(config, engine, policy, metrics))
            await stack.enter_async_context(background(policy.warm_up(), "warm-up"))
            sweeps = sweeper(engine, policy.policy)

            def replaced(fresh: Policy) -> None:
                known.forget()
                sweeps.use(fresh.sampling.tail)

            reload = partial(policy.reload, [sweeps, *lanes.values()], replaced)
            samples = SampleIntake(lanes["remote_write"], lanes["samples"], engine, known)
            found = FindingCounts(engine, metrics)
            await found.read()
            await stack.enter_async_context(upkeep(engine, usage, found, sweeps))
            await stack.enter_async_context(learning_columns(config, engine))
            records = await stack.enter_async_context(Records.open(config.store.data_dir))
            asked = await stack.enter_async_context(open_asked(config, engine, Searches(records), usage, policy))
            ready = asyncio.Event()
            health = health_routes(engine, metrics, found, ready.is_set, reload)
            face = Starlette(routes=[*health, *_asking(config, asked)])
            servers = await stack.enter_async_context(_faces(config, face, lanes, samples, metrics))
            ready.set()
            try:
                yield cls(engine, *servers, usage, reload)
            finally:
                ready.clear()


@contextlib.asynccontextmanager
async def _store(config: Config) -> AsyncIterator[Engine]:
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
        yield engine


def _compiled(config: StoreConfig, policy: PolicyConfig) -> Policy:
    return compile_policy(policy, kept_key(config.data_dir))


def _flow(retention: RetentionConfig, policy: Policy) -> Pipeline:
    return pipeline(
        policy,
        traces_kept_seconds=int(retention.traces.seconds),
        logs_kept_seconds=int(retention.logs.seconds),
    )


@contextlib.asynccontextmanager
async def scratch_store(directory: Path, policy: Policy = _NO_POLICY) -> AsyncIterator[Engine]:
    """Open tables in *directory* that keep everything, or what a policy leaves of it, for trying things out."""
    flow = pipeline(policy, traces_kept_seconds=_FOR_EVER_SECONDS, logs_kept_seconds=_FOR_EVER_SECONDS)
    async with open_embedded(directory, EmbeddedOptions()) as engine:
        await migrate(engine)
        await install(engine, flow)
        yield engine


@contextlib.asynccontextmanager
async def _lanes(
    config: Config, engine: Engine, policy: PolicyInForce, metrics: Metrics
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
    # A group's log records are in two tables where some of them wait for their traces.
    lanes = {
        name: Lane(
            wire(name),
            signal,
            form_of(name, engine, lambda: policy.policy.renames),
            engine,
            await CommitNotes.open(directory, name, engine, is_parted=name == "logs"),
            options,
            metrics,
            partial(policy.refill, name),
            scrub=partial(policy.scrub, name),
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
async def _faces(
    config: Config, face: ASGIApp, lanes: Mapping[WireName, Lane], samples: SampleIntake, metrics: Metrics
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
        doors[RemoteWrite.path] = RemoteWriteDoor(samples, reception)
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
