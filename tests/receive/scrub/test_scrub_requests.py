"""Requests are scrubbed in their bytes: what holds nothing stays byte for byte, all else is a request as before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from backbone.model.errors import UserInputError
from backbone.process.redact import redaction
from backbone.receive.envelope import varint
from backbone.simulate.secrets import canaries
from backbone.store.embedded import EmbeddedEngine
from tests.process.redact.scrubbing import KEY, NEARLY, config, scrub, scrub_in_rows
from tests.receive.scrub.scrubbed import CLEAN, MAIL, SETTINGS, logs, record, scrubbed, scrubber

Scrub = Callable[..., list[bytes | UserInputError]]


def of_body(value: AnyValue) -> bytes:
    return logs(record(body=value))


def value(something: Any) -> AnyValue:
    match something:
        case bool():
            return AnyValue(bool_value=something)
        case str():
            return AnyValue(string_value=something)
        case int():
            return AnyValue(int_value=something)
        case float():
            return AnyValue(double_value=something)
        case bytes():
            return AnyValue(bytes_value=something)
        case list():
            return AnyValue(array_value=ArrayValue(values=[value(one) for one in something]))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=pairs(something)))
        case _:
            return AnyValue()


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value(one)) for key, one in attributes.items()]


def plain(of: AnyValue) -> Any:
    match of.WhichOneof("value"):
        case "array_value":
            return [plain(one) for one in of.array_value.values]
        case "kvlist_value":
            return {pair.key: plain(pair.value) for pair in of.kvlist_value.values}
        case None:
            return None
        case name:
            return getattr(of, name)


def attributes_after(engine: EmbeddedEngine, attributes: dict[str, Any], **options: Any) -> dict[str, Any]:
    [body] = scrubbed(engine, "logs", logs(record(attributes=pairs(attributes))), **options)
    assert isinstance(body, bytes)
    [after] = LogsData.FromString(body).resource_logs[0].scope_logs[0].log_records
    return {pair.key: plain(pair.value) for pair in after.attributes}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"a": MAIL}, {"a": CLEAN}, id="a text"),
        pytest.param({"a": "x" * 300 + MAIL}, {"a": "x" * 300 + CLEAN}, id="a long text gets shorter by a byte of size"),
        pytest.param({"a": [MAIL, 1, {"b": MAIL}]}, {"a": [CLEAN, 1, {"b": CLEAN}]}, id="in depth"),
        pytest.param({MAIL: 1}, {CLEAN: 1}, id="a name"),
        pytest.param({MAIL: [MAIL]}, {CLEAN: [CLEAN]}, id="a name and in depth"),
        pytest.param({"a": MAIL.encode()}, {"a": "<binary>"}, id="bytes go as a whole"),
        pytest.param({"a": 4111111111111111}, {"a": "<card>"}, id="an integer"),
        pytest.param({"a": 4111111111111111.0}, {"a": "<card>"}, id="a double without a fraction"),
        pytest.param({"a": 1732500000000000000}, {"a": 1732500000000000000}, id="a time in nanoseconds is none"),
        pytest.param({"user.password": "x"}, {"user.password": "<attribute>"}, id="by its name"),
        pytest.param({"user.password": 0.5}, {"user.password": "<attribute>"}, id="by its name, a number"),
        pytest.param({"user.password": ["x"]}, {"user.password": "<attribute>"}, id="by its name, a list"),
        pytest.param({"user.password": ""}, {"user.password": ""}, id="nothing is no secret"),
        pytest.param({"a": {"password": True}}, {"a": {"password": "<attribute>"}}, id="by its name in depth"),
        pytest.param({"client.address": ["203.0.113.7"]}, {"client.address": ["203.0.113.7"]}, id="a place for addresses"),
        pytest.param({"a": ["203.0.113.7"]}, {"a": ["<ipv4>"]}, id="and one that is none"),
        pytest.param({"old": "x", "old.password": "x"}, {"old": "<attribute>", "old.password": "x"}, id="what its new name says"),
        pytest.param({"a": None, "b": {}, "c": []}, {"a": None, "b": {}, "c": []}, id="nothing"),
    ],
)  # fmt: skip
def test_values(engine: EmbeddedEngine, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert attributes_after(engine, before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"a": MAIL, "b": "x"}, {"b": "x"}, id="an attribute"),
        pytest.param({"a": [MAIL, "x"]}, {"a": ["x"]}, id="of a list what holds it"),
        pytest.param({"a": {"b": MAIL, "c": 1}}, {"a": {"c": 1}}, id="of pairs what holds it"),
        pytest.param({MAIL: MAIL, "b": MAIL}, {}, id="all"),
    ],
)
def test_what_is_dropped_is_gone(engine: EmbeddedEngine, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert attributes_after(engine, before, rules={"email": "drop"}) == after


def test_what_was_plain_once_is_not_taken_for_what_is_not(engine: EmbeddedEngine) -> None:
    policy = scrubber(engine)
    plain = logs(record(attributes=pairs({"a": "x", "b": "y" * 60, "c": 7, "user.password": ""})))
    secret = logs(
        record(attributes=pairs({"a": MAIL, "b": "y" * 60 + MAIL, "c": 4111111111111111, "user.password": "x"}))
    )
    clean = logs(
        record(attributes=pairs({"a": CLEAN, "b": "y" * 60 + CLEAN, "c": "<card>", "user.password": "<attribute>"}))
    )
    for before, after in ((plain, plain), (secret, clean), (plain, plain), (secret, clean)):
        [body] = asyncio.run(policy.scrub("logs", [(before, "t")]))
        assert isinstance(body, bytes)
        found = LogsData.FromString(body)
        found.DiscardUnknownFields()
        assert found == LogsData.FromString(after)


def test_patterns_of_the_team(engine: EmbeddedEngine) -> None:
    for pattern, text in (
        ("ord-[0-9]+", "of ord-4711"),
        ("[0-9]{2}x", "of 12x"),
        ("(?i)ABC|xyz", "of aBc"),
        ("77", 1771),
    ):
        found = attributes_after(engine, {"a": text}, patterns=[{"name": "own", "pattern": pattern}])
        assert "<own>" in found["a"], pattern


def test_what_holds_nothing_stays_as_it_is(engine: EmbeddedEngine) -> None:
    body = logs(record(body=value("GET /x took 5 ms"), attributes=pairs({"a": 1})))
    assert scrubbed(engine, "logs", body) == [body]


def test_which_rules_found_something_is_told_where_it_was(engine: EmbeddedEngine) -> None:
    sound, found = record(body=value("x")), record(body=value(MAIL))
    [body] = scrubbed(engine, "logs", logs(sound, found))
    assert isinstance(body, bytes)
    first, second = LogsData.FromString(body).resource_logs[0].scope_logs[0].log_records
    assert first.SerializeToString() == sound.SerializeToString()
    assert (1003 << 3 | 1).to_bytes(2, "big") not in first.SerializeToString()
    assert b"\xd9\x3e" in second.SerializeToString()


def within(tag: int, inner: bytes) -> bytes:
    return bytes([tag << 3 | 2]) + varint(len(inner)) + inner


def deep(levels: int) -> bytes:
    """Return a request whose body is a list of a list of a list."""
    inner = AnyValue(string_value="x").SerializeToString()
    for _ in range(levels):
        inner = within(5, within(1, inner))
    return within(1, within(2, within(2, within(5, inner))))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(logs()[:-1] + b"\x7f", "body: expected a request of its kind", id="cut off"),
        pytest.param(
            logs(LogRecord.FromString(bytes.fromhex("d93e 0100000000000000"))),
            "body: field 1003 is reserved for the receiver",
            id="our own field",
        ),
        pytest.param(deep(60), "body: expected at most 100 messages within each other", id="too deep"),
    ],
)
def test_what_cannot_be_read_is_refused_alone(engine: EmbeddedEngine, body: bytes, expected: str) -> None:
    first, second = scrubbed(engine, "logs", body, of_body(value(MAIL)))
    assert isinstance(first, UserInputError)
    assert expected in str(first)
    assert isinstance(second, bytes)
    assert b"jane" not in second


def around(text: str) -> Iterator[str]:
    yield from (text, f"({text}),", f"a={text};", f"x\\n{text}", f"\n{text}\n", f"é{text}ü", f"1 {text} 2", f"_{text}_")


def test_whatever_rules_find_in_rows_they_find_in_requests(engine: EmbeddedEngine) -> None:
    some = canaries(11)
    texts = [shown for _ in range(1500) for shown in around(next(some).text)]
    found = redaction(config(labels="mask"), KEY)
    assert asyncio.run(scrub(engine, texts)) == asyncio.run(scrub_in_rows(engine, texts, found))


@SETTINGS
@given(st.lists(NEARLY, min_size=1, max_size=200))
@example(["4111 1111 1111 1111", "AKIAAB 12 34 56 C"])
@example(["4111 1111 1111 1111", "gb29 nwbkDE89370400440532013000"])
@example(["password=hunter2", "AKIAAB 12 34 56 C", "gb29 nwbkDE89370400440532013000"])
@example(["tel 10.1.2.32 85 07", "--shared.token.hash x", "identified by z"])
def test_any_text_comes_out_of_requests_as_out_of_rows(engine: EmbeddedEngine, texts: list[str]) -> None:
    found = redaction(config(labels="mask"), KEY)
    assert asyncio.run(scrub(engine, texts)) == asyncio.run(scrub_in_rows(engine, texts, found))


TEXTS = st.sampled_from(("", "plain", MAIL, "y" * 130, MAIL + " " + "z" * 120))
NAMES = st.sampled_from(("a", "b" * 9, MAIL, "user.password", "client.address"))
NUMBERS = st.sampled_from((0, -1, 10**9, 2**63 - 1, -(2**63), 0.5, -1e300))
VALUES = st.recursive(
    st.one_of(TEXTS, NUMBERS, st.booleans(), st.none(), st.binary(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip
ATTRIBUTES = st.dictionaries(NAMES, VALUES, max_size=4)
SPANS = st.builds(
    lambda name, attributes, message, state: Span(
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
        name=name,
        attributes=pairs(attributes),
        status=Status(message=message),
        trace_state=state,
        events=[Span.Event(name=name, attributes=pairs(attributes))],
        links=[Span.Link(trace_id=b"t" * 16, trace_state=state, attributes=pairs(attributes))],
        start_time_unix_nano=5,
    ),
    TEXTS,
    ATTRIBUTES,
    TEXTS,
    TEXTS,
)
REQUESTS = st.builds(
    lambda spans, attributes, url: TracesData(
        resource_spans=[
            ResourceSpans(resource=Resource(attributes=pairs(attributes)), scope_spans=[ScopeSpans(spans=spans)], schema_url=url)
        ]
    ),
    st.lists(SPANS, max_size=3),
    ATTRIBUTES,
    TEXTS,
)  # fmt: skip


def cleaned(message: Any, name: str = "") -> None:
    """Scrub a message the slow way: all its texts, and values by their names."""
    for field, content in message.ListFields():
        many = content if field.is_repeated else [content]
        if field.message_type is not None:
            for one in many:
                own = one.key if isinstance(one, KeyValue) else name
                if isinstance(one, AnyValue) and name == "user.password" and plain(one) not in ("", None):
                    one.CopyFrom(value("<attribute>"))
                else:
                    cleaned(one, own)
        elif field.type == field.TYPE_STRING:
            setattr(message, field.name, content.replace(MAIL, CLEAN))


@SETTINGS
@given(st.lists(REQUESTS, min_size=1, max_size=4))
def test_a_request_is_what_it_was_but_for_its_secrets(engine: EmbeddedEngine, requests: list[TracesData]) -> None:
    after = scrubbed(engine, "traces", *(request.SerializeToString() for request in requests))
    for request, body in zip(requests, after, strict=True):
        assert isinstance(body, bytes)
        cleaned(request)
        found = TracesData.FromString(body)
        found.DiscardUnknownFields()
        assert found == request


@SETTINGS
@given(
    request=REQUESTS,
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    kept=st.floats(0, 1),
)
def test_bytes_that_are_no_request_do_no_harm(
    engine: EmbeddedEngine, request: TracesData, edits: list[tuple[float, int]], kept: float
) -> None:
    body = bytearray(request.SerializeToString())
    for place, byte in edits:
        if body:
            body[int(place * len(body))] = byte
    sound = request.SerializeToString()
    mutated, untouched = scrubbed(engine, "traces", bytes(body[: round(kept * len(body))]), sound)
    assert isinstance(mutated, bytes | UserInputError)
    assert untouched == scrubbed(engine, "traces", sound)[0]
