"""Traces: by id as they were sent, and by what their spans are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from backbone.model.errors import UserInputError
from backbone.query.attribute_filters import AttributeFilter, parse_attribute_filter
from backbone.query.traces import TraceSearch, find_trace, parse_trace_id, search_traces
from backbone.store.engine import DEFAULT_LIMITS
from tests.stored import Stored, ago_ns, number, span, text

_ERROR = Status(code=Status.STATUS_CODE_ERROR)


async def test_a_trace_comes_back_under_its_resources_in_order_of_time(stored: Stored) -> None:
    tenant, at = stored.tenant(), ago_ns(5)
    root = span("a1", "root", at_ns=at, ms=9, identity=1)
    child = span("a1", "child", at_ns=at + 1_000, identity=2, parent_span_id=root.span_id, status=_ERROR)
    late = span("a1", "late", at_ns=at + 2_000, identity=3, parent_span_id=root.span_id)
    late.links.add(trace_id=b"L" * 16, span_id=b"l" * 8, trace_state="x=1", attributes=[number("n", 5)])
    await stored.spans(tenant, "front", late, root)
    await stored.spans(tenant, "back", child)

    found = await find_trace(stored.engine, tenant, parse_trace_id("a1"), DEFAULT_LIMITS)

    assert found is not None
    front, back = found.resource_spans
    assert list(front.resource.attributes) == [text("service.name", "front")]
    assert list(front.scope_spans[0].spans) == [root, late]
    assert list(back.scope_spans[0].spans) == [child]


async def test_a_span_sent_twice_is_there_once(stored: Stored) -> None:
    tenant, sent = stored.tenant(), span("a2", "op", at_ns=ago_ns(5))
    await stored.spans(tenant, "s", sent)
    await stored.spans(tenant, "s", sent)

    found = await find_trace(stored.engine, tenant, parse_trace_id("a2"), DEFAULT_LIMITS)

    assert found is not None
    assert list(found.resource_spans[0].scope_spans[0].spans) == [sent]


async def test_another_tenants_trace_is_not_there(stored: Stored) -> None:
    await stored.spans(stored.tenant(), "s", span("a3", "op", at_ns=ago_ns(5)))

    assert await find_trace(stored.engine, stored.tenant(), parse_trace_id("a3"), DEFAULT_LIMITS) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("0123456789abcdef0123456789ABCDEF", "0123456789abcdef0123456789abcdef", id="of 32 digits"),
        pytest.param("abc", "abc".rjust(32, "0"), id="short, as Jaeger prints it"),
    ],
)
def test_a_trace_id_is_read(given: str, expected: str) -> None:
    assert parse_trace_id(given).hex() == expected


@pytest.mark.parametrize("given", ["", "xyz", "0" * 32, "a" * 33, "a b"])
def test_a_bad_trace_id_is_refused(given: str) -> None:
    with pytest.raises(UserInputError, match="trace id"):
        parse_trace_id(given)


def _searched() -> list[Span]:
    at = ago_ns(60)
    return [
        span("b1", "GET /a", at_ns=at, ms=5, identity=1, attributes=[text("route", "/a"), number("size", 90)]),
        span("b2", "GET /b", at_ns=at + 1, ms=50, identity=2, attributes=[text("route", "/b"), number("size", 1000)]),
        span("b3", "GET /a", at_ns=at + 2, ms=500, identity=3, status=_ERROR, attributes=[text("route", "it's \\ \n")]),
        span("b4", "GET /a", at_ns=ago_ns(7200), identity=4),
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param({}, ["b3", "b2", "b1"], id="all of the range, those started last first"),
        pytest.param({"limit": 1}, ["b3"], id="limited to the newest"),
        pytest.param({"service": "shop"}, ["b3", "b2", "b1"], id="by service"),
        pytest.param({"service": "none"}, [], id="by a service that is not there"),
        pytest.param({"operation": "GET /b"}, ["b2"], id="by operation"),
        pytest.param({"min_duration_ns": 50_000_000}, ["b3", "b2"], id="by shortest duration, itself included"),
        pytest.param({"max_duration_ns": 50_000_000}, ["b2", "b1"], id="by longest duration, itself included"),
        pytest.param({"errors_only": True}, ["b3"], id="by error"),
        pytest.param({"attributes": ["route=/b"]}, ["b2"], id="by attribute"),
        pytest.param({"attributes": ["route=it's \\ \n"]}, ["b3"], id="by an attribute that needs quoting"),
        pytest.param({"attributes": ["route!=/b"]}, ["b3", "b1"], id="by an attribute's other values"),
        pytest.param({"attributes": ["size>90"]}, ["b2"], id="by a number, not by its text"),
        pytest.param({"attributes": ["size>=90", "route=/a"]}, ["b1"], id="by all attributes at once"),
        pytest.param({"attributes": ["route>1"]}, [], id="a text is over no number"),
        pytest.param({"attributes": ["service.name=shop"]}, ["b3", "b2", "b1"], id="by an attribute of the resource"),
        pytest.param({"service": "' OR 1=1 --"}, [], id="what looks like SQL is a text"),
    ],
)
async def test_a_search_finds_traces_with_such_a_span(
    stored: Stored, wanted: dict[str, object], expected: list[str]
) -> None:
    tenant = stored.tenant()
    await stored.spans(tenant, "shop", *_searched())
    filters = tuple(parse_attribute_filter(str(given)) for given in wanted.pop("attributes", []))  # type: ignore[attr-defined]
    search = replace(TraceSearch(ago_ns(3600), ago_ns(0), attributes=filters), **wanted)  # type: ignore[arg-type]

    found = await search_traces(stored.engine, tenant, search, DEFAULT_LIMITS)

    assert [trace.trace_id.lstrip("0") for trace in found] == expected


async def test_a_found_trace_is_told_as_a_whole(stored: Stored) -> None:
    tenant, at = stored.tenant(), ago_ns(60)
    root = span("c1", "checkout", at_ns=at, ms=20, identity=1)
    child = span("c1", "pay", at_ns=at + 5_000_000, ms=30, identity=2, parent_span_id=root.span_id, status=_ERROR)
    await stored.spans(tenant, "shop", root)
    await stored.spans(tenant, "bank", child)
    await stored.spans(tenant, "bank", child)

    [found] = await search_traces(
        stored.engine, tenant, TraceSearch(ago_ns(3600), ago_ns(0), service="bank"), DEFAULT_LIMITS
    )

    assert (found.service, found.name, found.start_ns, found.duration_ns) == ("shop", "checkout", at, 35_000_000)
    assert (found.spans, found.errors, list(found.services)) == (2, 1, ["bank", "shop"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("a.b=c=d", AttributeFilter("a.b", "=", "c=d"), id="the first operator counts"),
        pytest.param("n >= 1e3", AttributeFilter("n", ">=", "1e3"), id="space around the operator"),
        pytest.param("a=", AttributeFilter("a", "=", ""), id="an empty value"),
    ],
)
def test_an_attribute_filter_is_read(given: str, expected: AttributeFilter) -> None:
    assert parse_attribute_filter(given) == expected


@pytest.mark.parametrize("given", ["", "a", "=x", "n>x", "n<", "n>nan"])
def test_a_bad_attribute_filter_is_refused(given: str) -> None:
    with pytest.raises(UserInputError, match="attribute"):
        parse_attribute_filter(given)
