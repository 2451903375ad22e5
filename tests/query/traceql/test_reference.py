"""Random queries over random traces find what a slow reading of the spans finds."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from backbone.model.time import now_ns
from backbone.query.traceql.parser import parse
from backbone.query.traceql.printer import print_query
from backbone.query.traceql.search import SearchLimits, TraceSearch
from backbone.query.traceql.source import Window
from backbone.store.engine import QueryLimits
from tests.query.traceql.reference import Plain, Value, search
from tests.stored import Stored

_NOW = now_ns() - 600 * 10**9
_KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"]
_STATUSES = ["unset", "ok", "error"]
_FILTERS = """
{ }
{ name = "a" }
{ name =~ "a|b" }
{ name !~ "a" }
{ status = error }
{ status != ok && kind = server }
{ kind != client }
{ duration > 20ms }
{ duration <= 5ms || duration >= 80ms }
{ span.code >= 200 }
{ span.code = 404 }
{ span.code != "404" }
{ .code = "404" }
{ .env = "prod" }
{ resource.env != "prod" }
{ resource.service.name = "relay" }
{ .retry }
{ !.retry }
{ !(.retry = true) }
{ span.code = nil }
{ .env != nil }
{ span.code + 1 > 300 }
{ -span.code < -300 }
{ span.code / 2 >= 100 && span.code % 2 = 0 }
{ span.code > .limit }
{ .env = .other }
{ rootName = "a" }
{ rootServiceName = "mesh" }
{ traceDuration > 100ms }
{ span:childCount > 1 }
{ nestedSetParent < 0 }
{ event:name = "boom" }
{ event.at > 2 }
{ 1 = 2 }
{ span.code ^ 2 > 50000 || .env =~ "p.*" }
{ parent = nil }
""".strip().splitlines()
_STAGES = """
count() > 2
count() = 1
avg(duration) > 30ms
max(span.code) >= 404
min(duration) < 5ms
sum(span.code) / count() > 250
max(duration) - min(duration) > 20ms
by(resource.service.name)
by(name)
by(span.code)
by(duration > 20ms)
coalesce()
select(span.code, .env)
{ status = error }
{ name = "a" } || { name = "b" }
""".strip().splitlines()
_OPERATORS = ["&&", "||", ">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<", "&~"]


_ATTRIBUTES: dict[str, list[Value]] = {
    "code": [200.0, 404.0, 500.5, "404", True],
    "retry": [True, False, "true"],
    "limit": [300.0, "x"],
    "other": ["prod", "dev", 5.0],
    "env": ["prod"],
}


def _trace(chance: random.Random, number: int) -> list[Plain]:
    trace = f"{number + 1:032x}"
    spans: list[Plain] = []
    for at in range(chance.randrange(1, 12)):
        parent = chance.choice(spans).span if spans and chance.random() < 0.85 else ""
        if chance.random() < 0.05:
            parent = f"{0xDEAD0000 + at:016x}"
        attributes: dict[str, Value] = {}
        for name, values in _ATTRIBUTES.items():
            if chance.random() < (0.7 if name == "code" else 0.25):
                attributes[name] = chance.choice(values)
        service = chance.choice(["relay", "mesh", "mail"])
        resource: dict[str, Value] = {"service.name": service, "env": chance.choice(["prod", "dev"])}
        start = _NOW + number * 10**9 + at * 1_000_000
        events: list[tuple[str, dict[str, Value]]] = [
            (chance.choice(["boom", "bang"]), {"at": float(chance.randrange(5))}) for _ in range(chance.randrange(3))
        ]
        spans.append(
            Plain(
                trace, f"{number * 100 + at + 1:016x}", parent, chance.choice("abc"), service, start,
                chance.choice([1, 5, 20, 50, 90]) * 1_000_000, chance.choice(_STATUSES), chance.choice(_KINDS),
                attributes, resource, events,
            )
        )  # fmt: skip
    return spans


def _value(value: Value) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, float):
        return AnyValue(int_value=int(value)) if value.is_integer() else AnyValue(double_value=value)
    return AnyValue(string_value=str(value))


def _attributes(values: dict[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in values.items()]


def _sent(plain: Plain) -> ResourceSpans:
    span = Span(
        trace_id=bytes.fromhex(plain.trace),
        span_id=bytes.fromhex(plain.span),
        parent_span_id=bytes.fromhex(plain.parent),
        name=plain.name,
        kind=_KINDS.index(plain.kind),  # type: ignore[arg-type]
        start_time_unix_nano=plain.start_ns,
        end_time_unix_nano=plain.start_ns + plain.duration_ns,
        attributes=_attributes(plain.attributes),
        status=Status(code=_STATUSES.index(plain.status)),  # type: ignore[arg-type]
        events=[
            Span.Event(time_unix_nano=plain.start_ns, name=name, attributes=_attributes(values))
            for name, values in plain.events
        ],
    )
    resource = Resource(attributes=_attributes(plain.resource))
    return ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=[span])])


@dataclass(frozen=True, slots=True)
class Seeded:
    spans: list[Plain]
    search: TraceSearch


@pytest.fixture(scope="module")
def seeded(stored: Stored) -> Seeded:
    chance = random.Random(11)
    spans = [span for number in range(60) for span in _trace(chance, number)]
    tenant, other = stored.tenant(), stored.tenant()
    data = TracesData(resource_spans=[_sent(span) for span in spans])
    for owner in (tenant, other):
        asyncio.run(stored.send("traces", owner, data.SerializeToString()))
    window = Window(_NOW, _NOW + 600 * 10**9)
    return Seeded(spans, TraceSearch(stored.engine, tenant, window, QueryLimits()))


def _spanset(chance: random.Random, depth: int) -> str:
    if depth == 0 or chance.random() < 0.4:
        return chance.choice(_FILTERS)
    left, right = _spanset(chance, depth - 1), _spanset(chance, depth - 1)
    combined = f"({left}) {chance.choice(_OPERATORS)} ({right})"
    return f"({combined} | {chance.choice(_STAGES[:6])})" if chance.random() < 0.1 else f"({combined})"


def _query(seed: int) -> str:
    chance = random.Random(seed)
    if seed < len(_FILTERS):
        return _FILTERS[seed]
    return " | ".join([_spanset(chance, 2), *chance.choices(_STAGES, k=chance.choice([0, 0, 1, 2, 3]))])


@pytest.mark.parametrize("seed", range(160))
async def test_searches(seeded: Seeded, seed: int) -> None:
    text = _query(seed)
    query = parse(text)
    assert parse(print_query(query)) == query

    found = await seeded.search.find(query, SearchLimits(traces=1_000, spans=1_000))

    shown = {
        trace.trace_id: sorted(sorted(span.span_id for span in one.spans) for one in trace.spansets) for trace in found
    }
    assert shown == search(query, seeded.spans), text


async def test_the_newest_traces_come_first_and_spans_are_told_with_what_was_asked(seeded: Seeded) -> None:
    query = parse('{ name = "a" && duration > 1ms } | select(resource.env, span.code)')

    found = await seeded.search.find(query, SearchLimits(traces=5, spans=1))

    by_id = {span.span: span for span in seeded.spans}
    assert len(found) == 5
    newest = [max(span.start_ns for span in seeded.spans if span.trace == trace.trace_id) for trace in found]
    assert newest == sorted(newest, reverse=True)
    for trace in found:
        [spanset] = trace.spansets
        [span] = spanset.spans
        plain = by_id[span.span_id]
        assert (span.name, span.start_ns, span.duration_ns) == (plain.name, plain.start_ns, plain.duration_ns)
        told = {name: text for name, _, text in span.attributes}
        assert told["span:name"] == "a"
        assert told["resource.env"] == plain.resource["env"]
        assert ("span.code" in told) == ("code" in plain.attributes)
        assert sum(spans for spans, _ in trace.services.values()) == sum(
            span.trace == trace.trace_id for span in seeded.spans
        )
