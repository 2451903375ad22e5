"""Requests of any kind that senders may send."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from backbone.compiled.protobuf import FIXED64
from backbone.receive.envelope import varint
from backbone.receive.form import Request
from backbone.receive.kernels.look import RULES_FIELD
from backbone.store.wire.columns import LATEST_NS
from tests.receive.rows.reference import Sent

SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
DAY_NS = 86_400 * 10**9
TRACE, SPAN = b"t" * 16, b"s" * 8


def strings(value: str) -> AnyValue:
    return AnyValue(string_value=value)


def array(values: Sequence[AnyValue]) -> AnyValue:
    return AnyValue(array_value=ArrayValue(values=values))


def pair(key: str, value: AnyValue) -> KeyValue:
    return KeyValue(key=key, value=value)


def pairs(values: Sequence[tuple[str, AnyValue]]) -> AnyValue:
    return AnyValue(kvlist_value=KeyValueList(values=[pair(*one) for one in values]))


def nested(levels: int, innermost: AnyValue) -> AnyValue:
    """Return a value within so many lists."""
    for _ in range(levels):
        innermost = array([innermost])
    return innermost


PIECES = st.sampled_from((
    "a", "é", "\u2028", "\u2029", "\u202a", "\u20a8", "\x00", "\x01", "\x1f", "\x7f", "\b", "\f", "\n", "\r", "\t",
    '"', "\\", "/", "𝄞", " ", "x" * 130, "service.name",
))  # fmt: skip
TEXTS = st.one_of(
    st.just(""),
    st.lists(PIECES, max_size=6).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text("xy/", min_size=120, max_size=140),
)
NAMES = st.one_of(st.sampled_from(("service.name", "a", "b" * 9, "", "c" * 128)), TEXTS)
INTEGERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-300, 300))
SCALARS = st.one_of(
    st.builds(strings, TEXTS),
    st.builds(lambda value: AnyValue(int_value=value), INTEGERS),
    st.builds(lambda value: AnyValue(double_value=value), st.one_of(st.floats(), st.integers(-9, 9).map(float))),
    st.builds(lambda value: AnyValue(bool_value=value), st.booleans()),
    st.builds(lambda value: AnyValue(bytes_value=value), st.binary(max_size=9)),
    st.builds(AnyValue),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(array), st.lists(st.tuples(NAMES, inner), max_size=4).map(pairs)
    ),
    max_leaves=9,
)
ATTRIBUTES = st.lists(st.builds(pair, NAMES, VALUES), max_size=4)
COUNTS = st.one_of(st.just(0), st.integers(0, 2**32 - 1))
ENUMS = st.one_of(st.integers(0, 30), st.sampled_from((-1, 2**31 - 1, -(2**31), 256, 257)))
RECENT_NS = 1_790_000_000 * 10**9
TIMES = st.one_of(st.integers(RECENT_NS, RECENT_NS + 3 * DAY_NS), st.just(0))
ANY_TIMES = st.one_of(TIMES, st.just(1), st.just(LATEST_NS))


def of_rules(message: Any, rules: int) -> Any:
    """Return a message that tells which rules found something in it, as scrubbed ones do."""
    if rules:
        message.MergeFromString(varint(RULES_FIELD << 3 | FIXED64) + struct.pack("<Q", rules))
    return message


RULES = st.one_of(st.just(0), st.integers(0, 2**64 - 1))


EVENTS = st.builds(
    Span.Event, time_unix_nano=ANY_TIMES, name=NAMES, attributes=ATTRIBUTES, dropped_attributes_count=COUNTS
)
LINKS = st.builds(
    Span.Link,
    trace_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    trace_state=TEXTS,
    attributes=ATTRIBUTES,
    dropped_attributes_count=COUNTS,
    flags=COUNTS,
)
SPANS = st.builds(
    of_rules,
    st.builds(
        Span,
        trace_id=st.binary(min_size=16, max_size=16),
        span_id=st.binary(min_size=8, max_size=8),
        parent_span_id=st.one_of(st.just(b""), st.binary(min_size=8, max_size=8)),
        trace_state=TEXTS,
        name=NAMES,
        kind=ENUMS,
        start_time_unix_nano=ANY_TIMES,
        end_time_unix_nano=st.one_of(ANY_TIMES, st.just(2**64 - 1)),
        attributes=ATTRIBUTES,
        dropped_attributes_count=COUNTS,
        events=st.lists(EVENTS, max_size=3),
        dropped_events_count=COUNTS,
        links=st.lists(LINKS, max_size=3),
        dropped_links_count=COUNTS,
        status=st.one_of(st.none(), st.builds(Status, message=TEXTS, code=ENUMS)),
        flags=COUNTS,
    ),
    RULES,
)
RECORDS = st.builds(
    of_rules,
    st.builds(
        LogRecord,
        time_unix_nano=ANY_TIMES,
        observed_time_unix_nano=ANY_TIMES,
        severity_number=ENUMS,
        severity_text=NAMES,
        body=st.one_of(st.none(), VALUES),
        attributes=ATTRIBUTES,
        dropped_attributes_count=COUNTS,
        flags=COUNTS,
        trace_id=st.one_of(st.just(b""), st.binary(min_size=16, max_size=16)),
        span_id=st.one_of(st.just(b""), st.binary(min_size=8, max_size=8)),
        event_name=NAMES,
    ),
    RULES,
)
SCOPES = st.builds(
    InstrumentationScope, name=NAMES, version=TEXTS, attributes=ATTRIBUTES, dropped_attributes_count=COUNTS
)
RESOURCES = st.builds(Resource, attributes=ATTRIBUTES, dropped_attributes_count=COUNTS)


def around(resource: Any, scope: Any, data: Any, name: str, items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return requests of items in scopes of resources; *name* is what the fields that hold these end on."""
    item_name = "spans" if name == "spans" else "log_records"
    scopes = st.builds(
        of_rules,
        st.builds(
            scope, scope=st.one_of(st.none(), SCOPES), schema_url=TEXTS, **{item_name: st.lists(items, max_size=3)}
        ),
        RULES,
    )
    resources = st.builds(
        of_rules,
        st.builds(
            resource,
            resource=st.one_of(st.none(), RESOURCES),
            schema_url=TEXTS,
            **{f"scope_{name}": st.lists(scopes, max_size=3)},
        ),
        RULES,
    )
    return st.builds(data, **{f"resource_{name}": st.lists(resources, max_size=3)})


TRACES = around(ResourceSpans, ScopeSpans, TracesData, "spans", SPANS)
LOGS = around(ResourceLogs, ScopeLogs, LogsData, "logs", RECORDS)


def groups(requests: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Sent]]:
    sent = st.builds(Sent, requests, st.sampled_from(("", "one", "zwei ü")), st.integers(1, LATEST_NS))
    return st.lists(sent, max_size=most)


def requests_of(group: Sequence[Sent]) -> list[Request]:
    return [Request(one.data.SerializeToString(), one.tenant, one.received_ns) for one in group]


def span(**fields: Any) -> Span:
    """Return a span with nothing wrong."""
    sound: dict[str, Any] = {"trace_id": TRACE, "span_id": SPAN, "start_time_unix_nano": RECENT_NS}
    return Span(**sound | fields)


def traces(*spans: Span, attributes: Sequence[KeyValue] = ()) -> TracesData:
    resource = Resource(attributes=attributes)
    return TracesData(resource_spans=[ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])])


def logs(*records: LogRecord, attributes: Sequence[KeyValue] = ()) -> LogsData:
    resource = Resource(attributes=attributes)
    return LogsData(resource_logs=[ResourceLogs(resource=resource, scope_logs=[ScopeLogs(log_records=records)])])


def request(data: TracesData | LogsData, tenant: str = "t") -> Request:
    return Request(data.SerializeToString(), tenant, RECENT_NS)


def _of_all_kinds(innermost: str) -> list[KeyValue]:
    whole, double = AnyValue(int_value=-1), AnyValue(double_value=0.5)
    some = array([strings(innermost), whole, AnyValue(), nested(2, double), AnyValue(bytes_value=b"\xff/")])
    return [
        pair("service.name", strings("shop")),
        pair("retries", AnyValue(int_value=300)),
        pair("ratio", double),
        pair("is_hit", AnyValue(bool_value=True)),
        pair("long", strings("y" * 130)),
        pair("list", some),
        pair("pairs", pairs([("in", some), ("", pairs([("a", whole)]))])),
        pair("", AnyValue()),
    ]


def _full_span(number: int) -> Span:
    attributes = _of_all_kinds(f"of {number}")
    return span(
        parent_span_id=SPAN if number else b"",
        trace_state="a=b",
        name=f"GET /{number}",
        kind=2,
        end_time_unix_nano=RECENT_NS + number,
        attributes=attributes,
        dropped_attributes_count=1,
        events=[Span.Event(time_unix_nano=RECENT_NS, name="e", attributes=attributes[:6]), Span.Event()],
        links=[Span.Link(trace_id=TRACE, span_id=SPAN, trace_state="c=d", attributes=attributes[4:], flags=1)],
        status=Status(message="gone", code=Status.STATUS_CODE_ERROR),
        flags=257,
    )


def _full_record(number: int) -> LogRecord:
    attributes = _of_all_kinds(f"of {number}")
    return LogRecord(
        time_unix_nano=RECENT_NS,
        observed_time_unix_nano=RECENT_NS + number,
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        severity_text="INFO",
        body=attributes[number % len(attributes)].value,
        attributes=attributes[:number],
        flags=1,
        trace_id=TRACE,
        span_id=SPAN,
        event_name="e",
    )


_SCOPE = InstrumentationScope(name="library", version="1", attributes=_of_all_kinds("a scope"))
_RESOURCE = Resource(attributes=_of_all_kinds("a resource"), dropped_attributes_count=1)

FULL_TRACES = TracesData(
    resource_spans=[
        ResourceSpans(
            resource=_RESOURCE,
            scope_spans=[ScopeSpans(scope=_SCOPE, spans=[_full_span(0)], schema_url="s"), ScopeSpans(spans=[span()])],
            schema_url="r",
        ),
        ResourceSpans(scope_spans=[ScopeSpans(spans=[_full_span(1)])]),
    ]
)
FULL_LOGS = LogsData(
    resource_logs=[
        ResourceLogs(
            resource=_RESOURCE,
            scope_logs=[
                ScopeLogs(scope=_SCOPE, log_records=[_full_record(number) for number in range(9)], schema_url="s"),
                ScopeLogs(log_records=[LogRecord()]),
            ],
        )
    ]
)
"""Requests in which everything is that there may be."""
