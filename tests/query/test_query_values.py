"""Whatever attribute is sent comes back as it was, kinds and all."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from backbone.query.otlp_json import otlp_json
from backbone.query.traces import find_trace
from backbone.query.values import any_value, json_ready, plain
from backbone.store.engine import DEFAULT_LIMITS
from tests.stored import Stored, ago_ns, span

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SCALARS = st.one_of(
    st.builds(AnyValue),
    st.builds(lambda v: AnyValue(string_value=v), _TEXT),
    st.builds(lambda v: AnyValue(bool_value=v), st.booleans()),
    st.builds(lambda v: AnyValue(int_value=v), st.integers(-(2**63), 2**63 - 1)),
    st.builds(lambda v: AnyValue(double_value=v), st.floats()),
    st.builds(lambda v: AnyValue(bytes_value=v), st.binary(max_size=9)),
)


def _array(items: list[AnyValue]) -> AnyValue:
    return AnyValue(array_value=ArrayValue(values=items))


def _kvlist(pairs: list[tuple[str, AnyValue]]) -> AnyValue:
    return AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key=key, value=value) for key, value in pairs]))


_TAGS = {"doubleValue", "bytesValue", "arrayProto", "kvlistProto"}
_KEYS = _TEXT.filter(lambda key: key not in _TAGS)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.builds(_array, st.lists(inner, max_size=3)),
        st.builds(_kvlist, st.lists(st.tuples(_KEYS, inner), max_size=3)),
    ),
    max_leaves=12,
)


def _same(sent: AnyValue, got: AnyValue) -> bool:
    # By their text: NaN is not equal to itself, and 0.0 is to -0.0.
    return str(sent) == str(got) and sent.WhichOneof("value") == got.WhichOneof("value")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(_VALUES, min_size=1, max_size=40), trace=st.integers(1, 2**128 - 1))
async def test_any_attribute_comes_back_as_it_was_sent(stored: Stored, values: list[AnyValue], trace: int) -> None:
    tenant, sent = stored.tenant(), [KeyValue(key=f"k{n}", value=value) for n, value in enumerate(values)]
    event = Span.Event(time_unix_nano=5, name="e", attributes=sent)
    await stored.spans(tenant, "s", span(f"{trace:032x}", "op", at_ns=ago_ns(1), attributes=sent, events=[event]))

    found = await find_trace(stored.engine, tenant, trace.to_bytes(16, "big"), DEFAULT_LIMITS)

    assert found is not None
    got = found.resource_spans[0].scope_spans[0].spans[0]
    for attributes in (got.attributes, got.events[0].attributes):
        assert {pair.key for pair in attributes} == {pair.key for pair in sent}
        by_key = {pair.key: pair.value for pair in attributes}
        assert [(p.value, by_key[p.key]) for p in sent if not _same(p.value, by_key[p.key])] == []


@pytest.mark.parametrize(
    ("stored_text", "kind", "expected"),
    [
        pytest.param("1", "double_value", 1.0, id="a whole double stays a double"),
        pytest.param("9223372036854775807", "int_value", 2**63 - 1, id="all 64 bits of an integer"),
        pytest.param("true", "bool_value", True, id="a boolean"),
        pytest.param("aGk=", "bytes_value", b"hi", id="bytes"),
        pytest.param("", "string_value", "", id="an empty text is a text"),
        pytest.param("", "", None, id="nothing set"),
        pytest.param("[1,1.0,null,[]]", "array_value", [1, 1.0, None, []], id="numbers in an array keep their kind"),
        pytest.param('{"a":{"bytesValue":"aGk="}}', "kvlist_value", {"a": b"hi"}, id="bytes inside"),
        pytest.param('[{"arrayProto":"CgIYBQ=="}]', "array_value", [[5]], id="a deep remainder is unfolded"),
        pytest.param(
            '[{"arrayProto":"////"}]', "array_value", [b"\xff\xff\xff"], id="a broken remainder is shown as bytes"
        ),
    ],
)
def test_a_stored_text_reads_as_its_kind_says(stored_text: str, kind: str, expected: object) -> None:
    got = plain(any_value(stored_text, kind))

    assert got == expected
    assert type(got) is type(expected)


def test_json_says_what_json_has_no_number_for() -> None:
    values = [math.nan, math.inf, -math.inf, b"hi", {"a": [math.nan]}]

    assert json_ready(values) == ["NaN", "Infinity", "-Infinity", "aGk=", {"a": ["NaN"]}]


def test_otlp_json_has_hexadecimal_ids_and_quoted_integers() -> None:
    sent = span("0a", "op", at_ns=1_700_000_000_000_000_001, kind=2)
    sent.attributes.add(key="n").value.int_value = 2**53 + 1
    sent.attributes.add(key="empty").value.string_value = ""
    sent.attributes.add(key="unset")
    sent.attributes.add(key="bytes").value.bytes_value = b"hi"

    assert otlp_json(sent) == {
        "traceId": "0000000000000000000000000000000a",
        "spanId": "0000000000000001",
        "name": "op",
        "kind": 2,
        "startTimeUnixNano": "1700000000000000001",
        "endTimeUnixNano": "1700000000001000001",
        "attributes": [
            {"key": "n", "value": {"intValue": "9007199254740993"}},
            {"key": "empty", "value": {"stringValue": ""}},
            {"key": "unset"},
            {"key": "bytes", "value": {"bytesValue": "aGk="}},
        ],
    }
