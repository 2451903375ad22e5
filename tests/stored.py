"""An engine with all tables and views, and telemetry sent to it the way receivers send it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from backbone.app.forms import form_of
from backbone.config.policy import PolicyConfig
from backbone.model.time import NANOSECONDS_PER_SECOND, now_ns
from backbone.process import Pipeline, Policy, compile_policy, pipeline
from backbone.process.series import fingerprint, label_hash
from backbone.receive.form import Request
from backbone.receive.scrub.requests import RequestScrubber
from backbone.store.embedded import EmbeddedEngine, EmbeddedOptions, open_embedded
from backbone.store.engine import Statement
from backbone.store.flow import install, refill
from backbone.store.migrate import migrate
from backbone.store.wire import WireName, wire
from tests.prepared import prepare

STALE = "stale"
"""Instead of a sample's value: the marker that its series ended."""


class Stored:
    """Telemetry in an engine; tests keep apart by taking a tenant each."""

    def __init__(self, engine: EmbeddedEngine, policy: Policy) -> None:
        self.engine = engine
        self._scrubber = RequestScrubber(engine, policy.redaction.requests) if policy.redaction.requests else None
        self._numbers = itertools.count(1)

    def tenant(self) -> str:
        """Return a tenant nobody else has."""
        return f"t{next(self._numbers)}"

    async def send(self, name: WireName, tenant: str, body: bytes, *, received_ns: int | None = None) -> None:
        if self._scrubber is not None and name in {"traces", "logs"}:
            [scrubbed] = await self._scrubber.scrub(name, [(body, tenant)])
            assert isinstance(scrubbed, bytes), scrubbed
            body = scrubbed
        payload = form_of(name, self.engine).payload([Request(body, tenant, received_ns or now_ns())])
        shape = wire(name)
        await self.engine.insert(shape.table, shape.proto, payload, token=f"test-{next(self._numbers)}")

    async def spans(self, tenant: str, service: str, *spans: Span, received_ns: int | None = None) -> None:
        data = TracesData(resource_spans=[ResourceSpans(resource=of(service), scope_spans=[ScopeSpans(spans=spans)])])
        await self.send("traces", tenant, data.SerializeToString(), received_ns=received_ns)

    async def logs(self, tenant: str, service: str, *records: LogRecord, received_ns: int | None = None) -> None:
        data = LogsData()
        resource_logs = data.resource_logs.add(resource=of(service))
        resource_logs.scope_logs.add(log_records=records)
        await self.send("logs", tenant, data.SerializeToString(), received_ns=received_ns)

    async def samples(
        self, tenant: str, labels: Mapping[str, str], samples: Sequence[tuple[int, float | str]], kind: str = "gauge"
    ) -> None:
        """Write a series with its samples, milliseconds and value each."""
        await self.engine.command(
            Statement(
                f"""
INSERT INTO series_in (tenant, received, service, metric, id, fp, label_names, label_values, type, unit,
    first_ms, last_ms, times_ms, values)
SETTINGS optimize_and_compare_chain = 0, query_plan_enable_optimizations = 0
WITH {{names:Array(String)}} AS names, {{texts:Array(String)}} AS texts, {{metric:String}} AS name,
    {label_hash("names", "texts")} AS hash, {{times:Array(Int64)}} AS times
SELECT {{tenant:String}}, now64(9), '', name, hash, {fingerprint("name", "hash")}, names, texts, {{kind:String}}, '',
    arrayMin(times), arrayMax(times), times,
    arrayMap(v -> if(v = 'stale', reinterpretAsFloat64(toUInt64(9218868437227405314)), toFloat64OrZero(v)),
        {{values:Array(String)}})
""",
                {
                    "tenant": tenant,
                    "metric": labels["__name__"],
                    "names": list(labels),
                    "texts": list(labels.values()),
                    "times": [time for time, _ in samples],
                    "values": [str(value) for _, value in samples],
                    "kind": kind,
                },
            )
        )


def of(service: str) -> Resource:
    return Resource(attributes=[text("service.name", service)])


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def number(key: str, value: int) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(int_value=value))


def span(trace: str, name: str, *, at_ns: int, ms: float = 1, identity: int = 1, **others: object) -> Span:
    """Return a span of a trace given in hexadecimal, that lasts *ms* milliseconds."""
    return Span(
        trace_id=bytes.fromhex(trace.rjust(32, "0")),
        span_id=identity.to_bytes(8, "big"),
        name=name,
        start_time_unix_nano=at_ns,
        end_time_unix_nano=at_ns + round(ms * 1_000_000),
        **others,  # type: ignore[arg-type]
    )


def record(body: str, *, at_ns: int | None = None, severity: int = 9, **others: object) -> LogRecord:
    return LogRecord(
        time_unix_nano=at_ns or now_ns(),
        severity_number=severity,  # type: ignore[arg-type]
        body=AnyValue(string_value=body),
        **others,  # type: ignore[arg-type]
    )


def ago_ns(seconds: float) -> int:
    return now_ns() - round(seconds * NANOSECONDS_PER_SECOND)


@contextmanager
def open_stored(directory: Path, *, governed: bool = True) -> Iterator[Stored]:
    """
    Open an engine in *directory* with all tables and views.

    Args:
        directory: is filled.
        governed: whether the default policy is in force. Each insert plans its views anew, for which those of the
            policy take twice as long as all others, so tests of answers do without.
    """
    prepare(directory, _with_policy if governed else _without_policy)
    engine = EmbeddedEngine.open(directory, EmbeddedOptions(connections=3))
    try:
        policy = _POLICY if governed else Policy()
        asyncio.run(refill(engine, _GOVERNED if governed else _UNGOVERNED))
        yield Stored(engine, policy)
    finally:
        asyncio.run(engine.close())


_POLICY = compile_policy(PolicyConfig())
_GOVERNED = pipeline(_POLICY)
_UNGOVERNED = pipeline(Policy())


async def _with_policy(directory: Path) -> None:
    await _make(directory, _GOVERNED)


async def _without_policy(directory: Path) -> None:
    await _make(directory, _UNGOVERNED)


async def _make(directory: Path, flow: Pipeline) -> None:
    async with open_embedded(directory, EmbeddedOptions(connections=1)) as engine:
        await migrate(engine)
        await install(engine, flow)
