"""Logs: by words, phrases, severity and attributes, newest first."""

from __future__ import annotations

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValueList

from backbone.model.errors import UserInputError
from backbone.query.attribute_filters import parse_attribute_filter
from backbone.query.logs import LogRecord, LogSearch, parse_severity, parse_text, search_logs, severity_name
from backbone.store.engine import DEFAULT_LIMITS
from tests.stored import Stored, ago_ns, number, record, text


async def _found(stored: Stored, tenant: str, text: str = "", /, **wanted: object) -> list[LogRecord]:
    search = LogSearch(ago_ns(3600), ago_ns(0), parse_text(text), **wanted)  # type: ignore[arg-type]
    return await search_logs(stored.engine, tenant, search, DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param("", ["d", "c", "b", "a"], id="everything, newest first"),
        pytest.param("connection refused", ["c", "a"], id="all words, in any order"),
        pytest.param("CONNECTION", ["c", "b", "a"], id="in any case"),
        pytest.param("connect", [], id="whole words only"),
        pytest.param('"connection refused"', ["a"], id="a phrase as it stands"),
        pytest.param('"nection REF"', ["a"], id="a phrase may begin inside a word"),
        pytest.param('peer "connection reset"', ["b"], id="words and a phrase"),
        pytest.param("shard-7", ["b"], id="a word with a border in it"),
        pytest.param("größe", ["d"], id="letters beyond ASCII"),
        pytest.param('"it\'s 100% \\\\ done_"', ["d"], id="a phrase with what LIKE and SQL would take amiss"),
        pytest.param("connection banana", [], id="one word missing"),
        pytest.param("-refused", ["d", "b"], id="without a word"),
        pytest.param("reset OR größe", ["d", "b"], id="either of two words"),
        pytest.param("connection -peer -no", ["a"], id="a word without others"),
        pytest.param('{service_name="s"} |~ "10.0.0.[0-9]"', ["a"], id="LogQL"),
        pytest.param("service:s event_name:b", ["b"], id="fields"),
        pytest.param("peer:", ["b"], id="a word before a colon"),
        pytest.param("--- !!!", ["d", "c", "b", "a"], id="no word at all asks for nothing"),
    ],
)
async def test_words_find_records(stored: Stored, wanted: str, expected: list[str]) -> None:
    tenant = stored.tenant()
    bodies = {
        "a": "Connection refused by 10.0.0.1:443",
        "b": "peer shard-7: connection reset",
        "c": "refused: no connection",
        "d": "it's 100% \\ done_ für größe",
    }
    for age, (name, body) in enumerate(reversed(bodies.items())):
        await stored.logs(tenant, "s", record(body, at_ns=ago_ns(10 + age), event_name=name))

    assert [found.event_name for found in await _found(stored, tenant, wanted)] == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param({"severity": "warn"}, {"slow", "down"}, id="at least of a severity"),
        pytest.param({"severity": "FATAL"}, set(), id="a severity nobody has"),
        pytest.param({"service": "shop"}, {"slow"}, id="of a service"),
        pytest.param({"trace_id": b"T" * 16}, {"down"}, id="of a trace"),
        pytest.param({"attributes": (parse_attribute_filter("retries>2"),)}, {"slow"}, id="by attribute"),
        pytest.param({"attributes": (parse_attribute_filter("service.name=bank"),)}, {"down", "odd"}, id="by resource"),
    ],
)
async def test_what_is_known_of_records_finds_them(
    stored: Stored, wanted: dict[str, object], expected: set[str]
) -> None:
    tenant = stored.tenant()
    await stored.logs(tenant, "shop", record("slow", severity=13, attributes=[number("retries", 10)]))
    down = record("down", severity=18, trace_id=b"T" * 16, attributes=[number("retries", 2)])
    await stored.logs(tenant, "bank", down, record("odd", severity=0))

    assert {found.body for found in await _found(stored, tenant, **wanted)} == expected


async def test_a_record_is_told_with_the_kinds_it_was_sent_with(stored: Stored) -> None:
    tenant, at = stored.tenant(), ago_ns(60)
    sent = record("", at_ns=at, severity=10, attributes=[number("n", 7), text("t", "x")], span_id=b"S" * 8)
    sent.body.CopyFrom(AnyValue(kvlist_value=KeyValueList(values=[number("a", 1)])))
    await stored.logs(tenant, "shop", sent)

    [found] = await _found(stored, tenant)

    assert found == LogRecord(
        time_ns=at,
        service="shop",
        severity="info",
        severity_number=10,
        severity_text="",
        body={"a": 1},
        trace_id="",
        span_id=(b"S" * 8).hex(),
        event_name="",
        scope="",
        attributes={"n": 7, "t": "x"},
        resource={"service.name": "shop"},
    )


async def test_another_tenants_records_are_not_found(stored: Stored) -> None:
    await stored.logs(stored.tenant(), "s", record("secret"))

    assert await _found(stored, stored.tenant(), "secret") == []


def test_an_unknown_severity_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserInputError, match=r"'severity': unknown 'waning', .* did you mean 'warn'"):
        parse_severity("waning")


@pytest.mark.parametrize(
    ("number_", "name"), [(0, ""), (1, "trace"), (4, "trace"), (5, "debug"), (12, "info"), (17, "error"), (24, "fatal")]
)
def test_a_severity_number_has_its_ranges_name(number_: int, name: str) -> None:
    assert severity_name(number_) == name
