"""Whatever bytes requests are made of, a group becomes a block that the engine reads, or those at fault are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from backbone.receive.envelope import varint
from backbone.receive.form import Request, Unfit
from backbone.store.embedded import EmbeddedEngine
from backbone.store.wire import WireName
from backbone.store.wire.shape import NO_SHAPE
from tests.receive.rows.messages import (
    FULL_LOGS,
    FULL_TRACES,
    SETTINGS,
    SPAN,
    TRACE,
    pair,
    pairs,
    requests_of,
    span,
    strings,
    traces,
)
from tests.receive.rows.reading import FORMS, count, read, stored
from tests.receive.rows.reference import rows_of
from tests.receive.rows.refusals import SOUND, beside_sound_ones, refused


def within(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def of_span(fields: bytes) -> bytes:
    """Return a request of a span of these fields."""
    own = within(1, TRACE) + within(2, SPAN) + fields
    return within(1, within(2, within(2, own)))


def of_attribute(fields: bytes) -> bytes:
    return of_span(within(9, fields))


def of_value(fields: bytes) -> bytes:
    return of_attribute(within(1, b"name") + within(2, fields))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(traces(span(name="x")).SerializeToString()[:-1], id="cut off"),
        pytest.param(b"\x0a", id="no size"),
        pytest.param(b"\x0a\xff", id="a size that does not end"),
        pytest.param(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", id="a size below zero"),
        pytest.param(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", id="the largest size"),
        pytest.param(b"\x00\x00", id="a field numbered zero"),
        pytest.param(b"\x08\x01", id="a number for resources"),
        pytest.param(of_span(b"\x0f"), id="a kind of field that is none"),
        pytest.param(of_span(b"\x38\x05"), id="a time of the wrong kind"),
        pytest.param(of_span(b"\x39\x00\x00\x00\x00"), id="a time cut off"),
        pytest.param(of_span(within(6, b"\x01")), id="a kind that is a text"),
        pytest.param(of_span(b"\x28\x01"), id="a name that is a number"),
        pytest.param(of_span(b"\x80\x01" + b"\xff" * 9), id="a number that does not end"),
        pytest.param(of_span(within(11, within(1, b"x" * 8))), id="an event's time that is a text"),
        pytest.param(of_span(within(15, b"\x10\x01")), id="a status with a number for its message"),
        pytest.param(of_attribute(b"\x08\x01"), id="an attribute with a number for its name"),
        pytest.param(of_attribute(within(1, b"name") + b"\x10\x01"), id="with a number for its value"),
        pytest.param(of_attribute(within(1, b"name") + b"\x12\x7f"), id="with a value cut off"),
        pytest.param(of_attribute(b"\x0a\x80\x80\x80\x80"), id="with a name whose size does not end"),
        pytest.param(of_value(b"\x08\x01"), id="a text that is a number"),
        pytest.param(of_value(within(2, b"x")), id="a boolean that is a text"),
        pytest.param(of_value(b"\x21\x00\x00"), id="a double cut off"),
        pytest.param(of_value(b"\x18\x80"), id="an integer cut off"),
        pytest.param(of_value(b"\x18\x80\x80"), id="an integer of two bytes cut off"),
        pytest.param(of_value(b"\x0a\x05abc"), id="a text cut off"),
        pytest.param(of_value(b"\x0a\x01abc"), id="a text with more after it"),
        pytest.param(of_value(within(5, b"\x0a\x7f")), id="a list cut off"),
        pytest.param(of_value(within(5, b"\x08\x01")), id="a list of what is no message"),
        pytest.param(of_value(within(5, within(1, b"\x08\x01"))), id="a list of a text that is a number"),
        pytest.param(of_value(within(6, within(1, b"\x08\x01"))), id="pairs with a number for a name"),
        pytest.param(of_value(within(6, within(1, within(2, b"\x0a")))), id="pairs with a value cut off"),
    ],
)  # fmt: skip
def test_bytes_that_are_no_request_are_named(body: bytes) -> None:
    assert beside_sound_ones(body, "traces") == {1: NO_SHAPE, 4: NO_SHAPE}


def of_body(fields: bytes) -> bytes:
    return within(1, within(2, within(2, within(5, fields))))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(of_body(b"\x0a\x01a" + b"\x18\x05"), ("5", "int_value"), id="the last of two kinds"),
        pytest.param(of_body(b"\x18\x05" + b"\x0a\x01a"), ("a", "string_value"), id="and the other way around"),
        pytest.param(of_body(b"\x18\x85\x80\x80\x00"), ("5", "int_value"), id="a number with zeros after it"),
        pytest.param(of_body(b"\x10\x80\x01"), ("true", "bool_value"), id="a boolean beyond one"),
        pytest.param(of_body(b"\x50\x01" + b"\x0a\x01a"), ("a", "string_value"), id="with a field nobody knows"),
        pytest.param(of_body(within(5, b"\x50\x01")), ("[]", "array_value"), id="with one in a list"),
        pytest.param(of_body(within(5, within(1, within(5, within(1, b"\x2a\x01\x08"))))),
                     ('[[{"arrayProto":"CA=="}]]', "array_value"), id="deeper than it is read"),
    ],
)  # fmt: skip
def test_unusual_bytes_are_taken(engine: EmbeddedEngine, body: bytes, expected: tuple[str, str]) -> None:
    [row] = stored(engine, "logs", [Request(body, "t", 1)])
    assert (row["body"], row["body_kind"]) == expected


@dataclass(frozen=True, slots=True)
class Damage:
    """What is done to bytes: some are overwritten, a piece of them stands in another place, and all ends early."""

    edits: Sequence[tuple[float, int]]
    flips: Sequence[tuple[float, int]]
    moved: tuple[float, float, int] | None
    kept: float

    def of(self, body: bytes) -> bytes:
        data = bytearray(body)
        for place, byte in self.edits:
            data[int(place * len(data))] = byte
        for place, bit in self.flips:
            data[int(place * len(data))] ^= 1 << bit
        if self.moved:
            begin, end = int(self.moved[0] * len(data)), int(self.moved[1] * len(data))
            data[end : end + self.moved[2]] = body[begin : begin + self.moved[2]]
        return bytes(data[: round(self.kept * len(data))])


PLACES = st.floats(0, 1, exclude_max=True)
DAMAGE = st.builds(
    Damage,
    st.lists(st.tuples(PLACES, st.integers(0, 255)), max_size=2),
    st.lists(st.tuples(PLACES, st.integers(0, 7)), max_size=2),
    st.one_of(st.none(), st.tuples(PLACES, PLACES, st.integers(1, 40))),
    st.one_of(st.just(1.0), st.just(1.0), st.floats(0, 1)),
)


def harmless(engine: EmbeddedEngine, name: WireName, damaged: Sequence[bytes]) -> None:
    """Check that sound requests among damaged ones are written as they are, and that those named are damaged ones."""
    sound = SOUND[name]
    left = [Request(body, "damaged", 1) for body in damaged]
    while True:
        group = [one for other in left for one in (*requests_of([sound]), other)] + requests_of([sound])
        form = FORMS[name]
        try:
            payload = form.payload(group)
            break
        except Unfit as unfit:
            named = unfit.refused
        assert named
        assert all(group[number].tenant == "damaged" for number in named)
        left = [one for number, one in enumerate(left) if 2 * number + 1 not in named]
    rows = [row | {"resource_number": 0} for row in read(engine, name, payload, "tenant = 'sound'")]
    assert rows == rows_of([sound]) * (len(left) + 1)
    assert count(engine, name, payload) >= len(rows)


@SETTINGS
@given(st.lists(DAMAGE, min_size=1, max_size=40))
def test_damaged_spans_do_no_harm(engine: EmbeddedEngine, some: list[Damage]) -> None:
    harmless(engine, "traces", [damage.of(FULL_TRACES.SerializeToString()) for damage in some])


@SETTINGS
@given(st.lists(DAMAGE, min_size=1, max_size=40))
def test_damaged_records_do_no_harm(engine: EmbeddedEngine, some: list[Damage]) -> None:
    harmless(engine, "logs", [damage.of(FULL_LOGS.SerializeToString()) for damage in some])


NUMBERS = st.integers(1, 16)
FIELDS = st.recursive(
    st.one_of(
        st.binary(max_size=6),
        st.builds(lambda number, value: varint(number << 3) + varint(value), NUMBERS, st.integers(0, 2**64 - 1)),
        st.builds(lambda number, value: varint(number << 3 | 1) + value, NUMBERS, st.binary(min_size=8, max_size=8)),
    ),
    lambda inner: st.builds(
        lambda number, contents: within(number, b"".join(contents)), NUMBERS, st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip


@settings(SETTINGS, max_examples=100)
@given(st.lists(FIELDS, min_size=1, max_size=8), st.sampled_from(("traces", "logs")))
def test_values_made_of_any_fields_do_no_harm(engine: EmbeddedEngine, some: list[bytes], name: WireName) -> None:
    make = of_value if name == "traces" else of_body
    harmless(engine, name, [make(fields) for fields in some])


@settings(SETTINGS, max_examples=50)
@given(st.lists(FIELDS, min_size=1, max_size=8))
def test_attributes_and_spans_made_of_any_fields_do_no_harm(engine: EmbeddedEngine, some: list[bytes]) -> None:
    harmless(engine, "traces", [of_attribute(fields) for fields in some] + [of_span(fields) for fields in some])


def test_each_prefix_of_a_request_is_taken_or_named(engine: EmbeddedEngine) -> None:
    resource = Resource(attributes=[pair("a", pairs([("b", strings("c"))])), pair("d", strings("e" * 200))])
    data = traces(span(), span(links=[Span.Link(trace_id=TRACE, span_id=SPAN, trace_state="x")]))
    data.resource_spans[0].resource.CopyFrom(resource)
    body = data.SerializeToString()
    whole = [end for end in range(len(body) + 1) if not refused("traces", [Request(body[:end], "t", 1)])]
    assert whole == [0, len(body)]
