"""
Values of any kind, as deep as they like, have the text and the kind that a slow reading gives, wherever they stand.

Attributes of items and resources lie one deep, those of scopes, events and links two, and the bodies of records none:
what is deeper than two is told by its bytes.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from backbone.query.values import key_values, plain_attributes
from backbone.receive.form import Request
from backbone.receive.kernels.anyvalue import most_bytes, put_value, value_of
from backbone.store.embedded import EmbeddedEngine
from backbone.store.engine import Statement
from tests.receive.rows.messages import (
    ATTRIBUTES,
    SETTINGS,
    SPAN,
    TEXTS,
    TRACE,
    VALUES,
    array,
    logs,
    nested,
    pair,
    pairs,
    request,
    span,
    strings,
    traces,
)
from tests.receive.rows.reading import Row, stored
from tests.receive.rows.reference import kinds_of, quoted, text_of, texts_of


def whole(value: int) -> AnyValue:
    return AnyValue(int_value=value)


def double(value: float) -> AnyValue:
    return AnyValue(double_value=value)


def raw(value: bytes) -> AnyValue:
    return AnyValue(bytes_value=value)


def boolean(value: bool) -> AnyValue:
    return AnyValue(bool_value=value)


def in_base64(of: Any) -> str:
    return base64.b64encode(of.SerializeToString()).decode()


EVERY_ESCAPE = '\b\f\n\r\t"\\/\x00\x1f\x7f\u2028\u2029\u202aé𝄞'
ESCAPED = r"\b\f\n\r\t\"\\\/\u0000\u001F" + "\x7f" + r"\u2028\u2029" + "\u202aé𝄞"
LIST = nested(1, whole(1))
LIST_BYTES = in_base64(LIST.array_value)
DEEP = pairs([("a", LIST)])


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        pytest.param(strings('as it is \n"'), 'as it is \n"', "string_value", id="a text"),
        pytest.param(strings(""), "", "string_value", id="an empty text"),
        pytest.param(whole(-(2**63)), "-9223372036854775808", "int_value", id="the least integer"),
        pytest.param(whole(2**63 - 1), "9223372036854775807", "int_value", id="the greatest"),
        pytest.param(whole(0), "0", "int_value", id="zero"),
        pytest.param(whole(127), "127", "int_value", id="an integer of a byte"),
        pytest.param(whole(128), "128", "int_value", id="of two"),
        pytest.param(whole(1 << 14), "16384", "int_value", id="of three"),
        pytest.param(double(1.0), "1", "double_value", id="a double"),
        pytest.param(double(-0.0), "-0", "double_value", id="a double of nothing"),
        pytest.param(double(float("nan")), "nan", "double_value", id="no number"),
        pytest.param(boolean(True), "true", "bool_value", id="true"),
        pytest.param(boolean(False), "false", "bool_value", id="false"),
        pytest.param(raw(b""), "", "bytes_value", id="no bytes"),
        pytest.param(raw(b"h"), "aA==", "bytes_value", id="a byte"),
        pytest.param(raw(b"hi"), "aGk=", "bytes_value", id="two bytes"),
        pytest.param(raw(b"\xff\xfe\xfd"), "//79", "bytes_value", id="three bytes"),
        pytest.param(AnyValue(), "", "", id="nothing"),
        pytest.param(array([]), "[]", "array_value", id="an empty list"),
        pytest.param(pairs([]), "{}", "kvlist_value", id="no pairs"),
        pytest.param(array([strings(EVERY_ESCAPE)]), f'["{ESCAPED}"]', "array_value", id="all escapes"),
        pytest.param(pairs([(EVERY_ESCAPE, whole(1))]), f'{{"{ESCAPED}":1}}', "kvlist_value", id="and in names"),
        pytest.param(pairs([("", AnyValue()), ("", whole(1))]), '{"":null,"":1}', "kvlist_value", id="names twice"),
        pytest.param(
            array([whole(-1), double(1), double(0.5), double(1e21), double(-0.0), boolean(True), AnyValue()]),
            "[-1,1.0,0.5,1e21,-0.0,true,null]", "array_value", id="numbers keep what they are",
        ),
        pytest.param(
            array([double(float("nan")), double(float("-inf")), raw(b"hi")]),
            '[{"doubleValue":"nan"},{"doubleValue":"-inf"},{"bytesValue":"aGk="}]', "array_value", id="none of JSON's",
        ),
        pytest.param(nested(2, AnyValue()), "[[null]]", "array_value", id="two deep"),
        pytest.param(
            nested(3, whole(1)), f'[[{{"arrayProto":"{LIST_BYTES}"}}]]', "array_value", id="three deep"
        ),
        pytest.param(
            nested(2, DEEP), f'[[{{"kvlistProto":"{in_base64(DEEP.kvlist_value)}"}}]]', "array_value", id="pairs"
        ),
        pytest.param(nested(2, array([])), '[[{"arrayProto":""}]]', "array_value", id="an empty list three deep"),
        pytest.param(
            array([DEEP, whole(2), pairs([])]), f'[{{"a":{{"arrayProto":"{LIST_BYTES}"}}}},2,{{}}]', "array_value",
            id="deep and not",
        ),
    ],
)  # fmt: skip
def test_bodies(engine: EmbeddedEngine, value: AnyValue, text: str, kind: str) -> None:
    [row] = stored(engine, "logs", [request(logs(LogRecord(body=value)))])
    assert (row["body"], row["body_kind"]) == (text, kind)
    assert text_of(value, 0) == text


def everywhere(attributes: Sequence[KeyValue]) -> Request:
    """Return a request of one span with attributes in all places for them."""
    link = Span.Link(trace_id=TRACE, span_id=SPAN, attributes=attributes)
    own = span(attributes=attributes, events=[Span.Event(attributes=attributes)] * 2, links=[link])
    data = traces(own, attributes=attributes)
    data.resource_spans[0].scope_spans[0].scope.CopyFrom(InstrumentationScope(attributes=attributes))
    return request(data)


def found_everywhere(row: Row) -> Row:
    names = ("attributes", "resource", "scope_attributes", "events.attributes", "links.attributes")
    kinds = ("attribute_kinds", "resource_kinds", "scope_kinds", "events.attribute_kinds", "links.attribute_kinds")
    return {name: row[name] for name in names + kinds}


def expected_everywhere(attributes: Sequence[KeyValue]) -> Row:
    outer, inner, kinds = texts_of(attributes, 1), texts_of(attributes, 2), kinds_of(attributes)
    return {
        "attributes": outer,
        "resource": outer,
        "scope_attributes": inner,
        "events.attributes": [inner, inner],
        "links.attributes": [inner],
        "attribute_kinds": kinds,
        "resource_kinds": kinds,
        "scope_kinds": kinds,
        "events.attribute_kinds": [kinds, kinds],
        "links.attribute_kinds": [kinds],
    }


@pytest.mark.parametrize(
    ("value", "outer", "inner"),
    [
        pytest.param(LIST, "[1]", f'{{"arrayProto":"{LIST_BYTES}"}}', id="a list"),
        pytest.param(
            nested(1, LIST),
            f'[{{"arrayProto":"{LIST_BYTES}"}}]',
            f'{{"arrayProto":"{in_base64(nested(1, LIST).array_value)}"}}',
            id="a list in a list",
        ),
        pytest.param(
            pairs([("a", LIST)]),
            f'{{"a":{{"arrayProto":"{LIST_BYTES}"}}}}',
            f'{{"kvlistProto":"{in_base64(pairs([("a", LIST)]).kvlist_value)}"}}',
            id="a list in pairs",
        ),
        pytest.param(double(5), "5", "5", id="a double"),
        pytest.param(raw(b"hi"), "aGk=", "aGk=", id="bytes"),
        pytest.param(AnyValue(), "", "", id="nothing"),
    ],
)
def test_depths(engine: EmbeddedEngine, value: AnyValue, outer: str, inner: str) -> None:
    [row] = stored(engine, "traces", [everywhere([pair("k", value)])])
    assert row["attributes"] == row["resource"] == [["k"], [outer]]
    assert row["scope_attributes"] == [["k"], [inner]]
    assert row["events.attributes"] == [[["k"], [inner]]] * 2
    assert row["links.attributes"] == [[["k"], [inner]]]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param([], "", id="none"),
        pytest.param([pair("a", strings("x"))], "", id="texts are not told"),
        pytest.param([pair("a", AnyValue())], '{"a":""}', id="nothing"),
        pytest.param([pair("a", whole(1)), pair("a", raw(b""))], '{"a":"int_value","a":"bytes_value"}', id="twice"),
        pytest.param(
            [pair("a", boolean(False)), pair("b", strings("")), pair("c", double(1)), pair("d", LIST), pair("e", DEEP)],
            '{"a":"bool_value","c":"double_value","d":"array_value","e":"kvlist_value"}',
            id="all kinds",
        ),
        pytest.param([pair(EVERY_ESCAPE, whole(1))], f'{{"{ESCAPED}":"int_value"}}', id="escapes"),
        pytest.param([KeyValue(value=whole(1))], '{"":"int_value"}', id="no name"),
        pytest.param([KeyValue(key="a")], '{"a":""}', id="no value"),
    ],
)  # fmt: skip
def test_kinds(engine: EmbeddedEngine, attributes: list[KeyValue], expected: str) -> None:
    [row] = stored(engine, "traces", [everywhere(attributes)])
    assert row["attribute_kinds"] == row["resource_kinds"] == row["scope_kinds"] == expected
    assert row["events.attribute_kinds"] == [expected] * 2
    assert row["links.attribute_kinds"] == [expected]


@SETTINGS
@given(st.lists(VALUES, min_size=1, max_size=30))
def test_any_value_as_a_body(engine: EmbeddedEngine, values: list[AnyValue]) -> None:
    rows = stored(engine, "logs", [request(logs(*(LogRecord(body=value) for value in values)))])
    assert [row["body"] for row in rows] == [text_of(value, 0) for value in values]
    assert [row["body_kind"] for row in rows] == [value.WhichOneof("value") or "" for value in values]


@SETTINGS
@given(st.lists(ATTRIBUTES, min_size=1, max_size=5))
def test_any_attributes_wherever_they_stand(engine: EmbeddedEngine, some: list[list[KeyValue]]) -> None:
    rows = stored(engine, "traces", [everywhere(attributes) for attributes in some])
    assert [found_everywhere(row) for row in rows] == [expected_everywhere(attributes) for attributes in some]


@pytest.mark.parametrize("size", [0, 1, 118, 119, 120, 127, 128, 129, 16383, 16384, 1 << 21])
def test_texts_of_any_size(engine: EmbeddedEngine, size: int) -> None:
    values = [strings("x" * size), raw(b"x" * size), array([strings("/" * size)]), nested(2, LIST), whole(size)]
    rows = stored(engine, "logs", [request(logs(*(LogRecord(body=value) for value in values)))])
    assert [row["body"] for row in rows] == [text_of(value, 0) for value in values]


@SETTINGS
@given(st.lists(TEXTS, min_size=1, max_size=60))
def test_texts_are_quoted_as_the_engine_quotes_them(engine: EmbeddedEngine, texts: list[str]) -> None:
    hexadecimal = [text.encode().hex() for text in texts]
    sql = "SELECT arrayMap(one -> toJSONString(unhex(one)), {texts:Array(String)}) AS quoted"
    answer = asyncio.run(engine.query(Statement(sql, {"texts": hexadecimal}), output="JSONEachRow"))
    assert orjson.loads(answer)["quoted"] == [quoted(text) for text in texts]


READABLE = st.recursive(
    st.one_of(TEXTS, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


def as_sent(something: Any) -> AnyValue:
    match something:
        case list():
            return array([as_sent(one) for one in something])
        case dict():
            return pairs([(key, as_sent(one)) for key, one in something.items()])
        case bool():
            return boolean(something)
        case int():
            return whole(something)
        case float():
            return double(something)
        case _:
            return strings(something)


def same_kinds(one: Any, other: Any) -> bool:
    """Tell apart what Python takes for the same: 1, 1.0 and True."""
    return repr(one) == repr(other)


@SETTINGS
@given(st.dictionaries(TEXTS, READABLE, max_size=5))
def test_what_is_read_is_what_was_sent(engine: EmbeddedEngine, sent: dict[str, Any]) -> None:
    attributes = [pair(key, as_sent(one)) for key, one in sent.items()]
    [row] = stored(engine, "traces", [everywhere(attributes)])
    for texts, kinds in (
        (row["attributes"], row["attribute_kinds"]),
        (row["scope_attributes"], row["scope_kinds"]),
        (row["events.attributes"][1], row["events.attribute_kinds"][1]),
    ):
        read = plain_attributes(key_values(dict(zip(*texts, strict=True)), kinds))
        assert same_kinds(read, sent)


# What takes most room for its bytes, besides characters that are escaped.
LEAST = st.sampled_from((
    AnyValue(), strings(""), raw(b""), whole(0), boolean(False), double(float("-inf")), double(-1.2345678901234567e-6),
    array([]), pairs([]), strings("\x01" * 9), raw(b"\x00"), whole(-(2**63)), nested(3, array([])),
))  # fmt: skip
CROWDED = st.recursive(
    LEAST,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=9).map(array),
        st.lists(st.tuples(st.sampled_from(("", "\x01", "\u2028")), inner), min_size=1, max_size=9).map(pairs),
    ),
    max_leaves=12,
)


@SETTINGS
@given(st.lists(st.one_of(CROWDED, VALUES), min_size=1, max_size=30), st.integers(0, 2))
def test_texts_take_no_more_room_than_is_set_aside(values: list[AnyValue], depth: int) -> None:
    for value in values:
        data = np.frombuffer(value.SerializeToString() + b"\0", np.uint8)
        what, first, last = value_of(data.ctypes.data, data.ctypes.data + len(data) - 1)
        expected = text_of(value, depth).encode()
        room = np.empty(2 * most_bytes(what, first, last) + len(expected), np.uint8)
        end = put_value(what, first, last, depth, room.ctypes.data) - room.ctypes.data
        assert room[:end].tobytes() == expected
        assert end <= most_bytes(what, first, last)
