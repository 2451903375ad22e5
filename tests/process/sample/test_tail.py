"""Traces are kept whole or not at all, whatever the order of arrival, and what is counted counts all of them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.query.traces import find_trace
from backbone.store.edges import EdgeSums
from backbone.store.engine import QueryLimits
from tests.process.sample.sampled import ERRORS_AND_SLOW, Sampled, tail
from tests.process.sample.streams import requests, send, settled_ns, traces
from tests.stored import span, text

STORED = """
SELECT lower(hex(trace_id)) AS trace, groupArray(reinterpretAsUInt64(reverse(span_id))) AS spans
FROM spans WHERE tenant = {t:String} GROUP BY trace
"""
RED = """
SELECT service, name, toString(kind) AS k, toString(status) AS s, sum(spans) AS n, sum(total_ns) AS t,
    sumMap(durations) AS d
FROM operations WHERE tenant = {t:String} GROUP BY ALL ORDER BY ALL
"""
EDGES = """
SELECT client, server, minute, bucket, sum(calls) AS n, sum(errors) AS e, sum(total_ns) AS t
FROM edges WHERE tenant = {t:String} GROUP BY ALL ORDER BY ALL
"""
ONE_PERCENT = {"kind": "probabilistic", "ratio": 0.01}


@pytest.mark.parametrize("seed", [1, 2])
async def test_failed_and_slow_traces_are_kept_whole_and_rates_and_edges_count_all(sampled: Sampled, seed: int) -> None:
    chance = random.Random(seed)
    sent = traces(chance, 200)
    at_ns = settled_ns(sampled.now_ns) + NANOSECONDS_PER_SECOND
    parted = requests(chance, sent, at_ns, 8)
    await sampled.use({})
    for number, request in enumerate(parted):
        await send(sampled.stored, "all", request, sampled.now_ns + 10 * number)

    await sampled.use({"traces": tail(*ERRORS_AND_SLOW, ONE_PERCENT, wait="10s")})
    for number, request in enumerate(parted):
        await send(sampled.stored, "some", request, sampled.now_ns + 10 * number)
        await sampled.pass_seconds(1)
    await sampled.pass_seconds(20, step=4)
    await EdgeSums(sampled.stored.engine).sum_up(at_ns + 150 * NANOSECONDS_PER_SECOND)

    kept = {trace.trace_id for trace in sent if trace.is_kept(0.01)}
    assert 20 < len(kept) < 80
    stored = {row["trace"]: sorted(row["spans"]) for row in await sampled.rows(STORED, t="some")}
    assert stored == {trace: [1, 2, 3, 4] for trace in kept}
    assert await sampled.left_out() == {"tail": 4 * (200 - len(kept))}
    assert await sampled.rows(RED, t="some") == await sampled.rows(RED, t="all")
    edges = await sampled.rows(EDGES, t="some")
    assert edges == await sampled.rows(EDGES, t="all")
    assert sum(row["n"] for row in edges) == 400
    assert await sampled.values("SELECT count() FROM spans_waiting") == [0]


async def test_late_spans_follow_the_decision_at_once(sampled: Sampled) -> None:
    await sampled.use({"traces": tail(*ERRORS_AND_SLOW, wait="5s")})
    failed = Status(code=Status.STATUS_CODE_ERROR)
    at = sampled.now_ns
    await sampled.stored.spans("t", "a", span("aa", "first", at_ns=at, status=failed), span("bb", "first", at_ns=at))
    await sampled.pass_seconds(7)
    assert await sampled.values("SELECT name FROM spans") == ["first"]

    await sampled.stored.spans(
        "t", "b", span("aa", "late", at_ns=at, identity=2), span("bb", "late", at_ns=at, identity=2, status=failed)
    )
    await sampled.pass_seconds(1)

    assert await sampled.values("SELECT name FROM spans ORDER BY name") == ["first", "late"]
    assert await sampled.values("SELECT DISTINCT lower(hex(trace_id)) FROM spans") == ["aa".rjust(32, "0")]
    await sampled.pass_seconds(7)
    assert await sampled.values("SELECT count() FROM spans") == [2]
    assert await sampled.left_out() == {"tail": 2}


def _plain(**others: Any) -> list[Span]:
    return [span("f0", "plain", at_ns=1_700_000_000 * 10**9, **others)]


FAST = _plain()
FAILED = _plain(status=Status(code=Status.STATUS_CODE_ERROR))
FINE = _plain(status=Status(code=Status.STATUS_CODE_OK))
LONG = _plain(ms=2000)
TAGGED = _plain(attributes=[text("user's tier", "gold\\1")])
NUMBERED = _plain(attributes=[text("http.response.status_code", "503")])
GOLD = {"kind": "attribute", "key": "user's tier", "values": ["gold\\1"]}
GOLD_BY_PATTERN = {"kind": "attribute", "key": "user's tier", "pattern": "^g.ld\\\\\\d$"}
FIVE_HUNDREDS = {"kind": "attribute", "key": "http.response.status_code", "at_least": 500}
SLOW = {"kind": "latency", "over": "2s"}


@pytest.mark.parametrize(
    ("policy", "kept", "left_out"),
    [
        pytest.param({"kind": "error"}, [FAILED], [FAST, FINE, LONG], id="error"),
        pytest.param(SLOW, [LONG], [FAST, FAILED], id="latency"),
        pytest.param(GOLD, [TAGGED], [FAST, NUMBERED], id="attribute by value"),
        pytest.param(GOLD_BY_PATTERN, [TAGGED], [FAST, NUMBERED], id="attribute by pattern"),
        pytest.param(FIVE_HUNDREDS, [NUMBERED], [FAST, TAGGED], id="attribute by number"),
        pytest.param({"kind": "attribute", "key": "service.name"}, [FAST, TAGGED], [], id="attribute of a resource"),
        pytest.param({"kind": "status", "codes": ["ok", "error"]}, [FINE, FAILED], [FAST], id="status"),
        pytest.param({"kind": "service", "services": ["web", "o'neil"]}, [FAST], [], id="service"),
        pytest.param({"kind": "service", "services": ["other"]}, [], [FAST], id="other service"),
        pytest.param({"kind": "always"}, [FAST, FAILED], [], id="always"),
        pytest.param({"kind": "and", "policies": [SLOW, {"kind": "error"}]}, [], [LONG, FAILED], id="and"),
        pytest.param({"kind": "or", "policies": [SLOW, {"kind": "error"}]}, [LONG, FAILED], [FAST], id="or"),
        pytest.param({"kind": "not", "policy": {"kind": "error"}}, [LONG, FAST], [FAILED], id="not"),
        pytest.param(
            {"kind": "and", "policies": [{"kind": "not", "policy": SLOW}, {"kind": "or", "policies": [GOLD, SLOW]}]},
            [TAGGED],
            [LONG, FAST],
            id="nested",
        ),
    ],
)
async def test_policy_keeps_what_it_says(
    sampled: Sampled, policy: Mapping[str, Any], kept: list[list[Span]], left_out: list[list[Span]]
) -> None:
    await sampled.use({"traces": tail({**policy, "name": "it's"})})
    for number, spans in enumerate([*kept, *left_out]):
        await sampled.stored.spans(f"t{number}", "web", *spans)
    await sampled.pass_seconds(5)

    rows = await sampled.rows("SELECT tenant, kept, rule, weight FROM decisions ORDER BY length(tenant), tenant")
    assert [(row["kept"], row["rule"], row["weight"]) for row in rows] == (
        [(True, "it's", 1)] * len(kept) + [(False, "", 0)] * len(left_out)
    )
    assert len(await sampled.values("SELECT 1 FROM spans")) == len(kept)


async def test_first_policy_that_keeps_names_the_rule_and_certainty_sets_the_weight(sampled: Sampled) -> None:
    await sampled.use({"traces": tail({"kind": "probabilistic", "ratio": 0.5}, {"kind": "error"})})
    failed = Status(code=Status.STATUS_CODE_ERROR)
    at = sampled.now_ns
    high, low = "f" * 32, "0" * 31 + "1"
    await sampled.stored.spans(
        "t", "a", span(high, "x", at_ns=at, status=failed), span(low, "x", at_ns=at, status=failed)
    )
    await sampled.stored.spans("u", "a", span(high, "x", at_ns=at), span(low, "x", at_ns=at))
    await sampled.pass_seconds(4)

    rows = await sampled.rows(
        "SELECT tenant, trace_id = unhex(repeat('f', 32)) AS h, rule, weight FROM decisions ORDER BY tenant, h DESC"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("t", 1, "probabilistic", 1),
        ("t", 0, "error", 1),
        ("u", 1, "probabilistic", 2),
        ("u", 0, "", 0),
    ]


async def test_weights_add_up_to_what_came_and_stand_in_the_state(sampled: Sampled) -> None:
    await sampled.use(
        {"traces": tail({"kind": "service_rate", "per_second": 5}, {"kind": "probabilistic", "ratio": 0.25})}
    )
    chance = random.Random(1)
    at = sampled.now_ns
    spans = [span(f"{chance.getrandbits(128):032x}", "x", at_ns=at) for _ in range(40)]
    await sampled.stored.spans("t", "few", *spans[:10])
    sampled_upstream = [span(one.trace_id.hex(), "x", at_ns=at, trace_state="ot=th:8,k=v") for one in spans[10:]]
    await sampled.stored.spans("t", "many", *sampled_upstream)
    await sampled.pass_seconds(4)

    [few] = await sampled.rows("SELECT count() AS n, sum(weight) AS w FROM spans WHERE service = 'few'")
    assert few["n"] >= 5
    many = await sampled.rows("SELECT weight, trace_state FROM spans WHERE service = 'many'")
    # Thirty came of sixty: what stands for less than one in four is kept by its share.
    assert len(many) >= 5
    assert {row["weight"] for row in many} == {4.0}
    assert {row["trace_state"] for row in many} == {"ot=th:c,k=v"}


async def test_rate_is_of_each_root_service_and_second_and_scales_up_exactly(sampled: Sampled) -> None:
    await sampled.use({"traces": tail({"kind": "error"}, {"kind": "service_rate", "per_second": 3})})
    chance = random.Random(2)
    failed = Status(code=Status.STATUS_CODE_ERROR)
    for service, count in (("a", 12), ("b", 2)):
        ids = [f"{chance.getrandbits(128):032x}" for _ in range(count)]
        await sampled.stored.spans("t", service, *[span(one, "root", at_ns=sampled.now_ns) for one in ids])
        children = [span(one, "child", at_ns=sampled.now_ns, identity=2, parent_span_id=b"12345678") for one in ids]
        await sampled.stored.spans("t", "below", *children)
    await sampled.stored.spans("t", "a", span("e", "root", at_ns=sampled.now_ns, status=failed))
    await sampled.pass_seconds(4)

    rows = await sampled.rows(
        "SELECT service, status = 'error' AS e, count() AS n, sum(weight) AS w FROM spans WHERE name = 'root' "
        "GROUP BY ALL ORDER BY ALL"
    )
    assert [tuple(row.values()) for row in rows] == [("a", 0, 3, 12), ("a", 1, 1, 1), ("b", 0, 2, 2)]


async def test_rate_holds_however_long_it_is_from_sweep_to_sweep(sampled: Sampled) -> None:
    await sampled.use({"traces": tail({"kind": "service_rate", "per_second": 3})})
    chance = random.Random(3)
    for _ in range(5):
        ids = [f"{chance.getrandbits(128):032x}" for _ in range(20)]
        await sampled.stored.spans("t", "a", *[span(one, "root", at_ns=sampled.now_ns) for one in ids])
        await sampled.pass_milliseconds(2500)
    await sampled.pass_milliseconds(2500)

    # The sweep that decides first, after 5 s, is worth a second; until the last, after 15 s, ten pass.
    assert await sampled.values("SELECT count() FROM spans") == [3 * (1 + 10)]


async def test_tenants_with_the_same_trace_id_are_decided_apart(sampled: Sampled) -> None:
    await sampled.use({"traces": tail({"kind": "error"})})
    await sampled.stored.spans("t", "a", span("aa", "x", at_ns=sampled.now_ns))
    await sampled.stored.spans(
        "u", "a", span("aa", "x", at_ns=sampled.now_ns, status=Status(code=Status.STATUS_CODE_ERROR))
    )
    await sampled.pass_seconds(4)
    await sampled.stored.spans("t", "late", span("aa", "x", at_ns=sampled.now_ns, identity=2))
    await sampled.stored.spans("u", "late", span("aa", "x", at_ns=sampled.now_ns, identity=2))
    await sampled.pass_seconds(1)

    assert await sampled.values("SELECT DISTINCT tenant FROM spans") == ["u"]
    assert await sampled.values("SELECT count() FROM spans") == [2]


async def test_over_the_bound_the_oldest_are_decided_on_early_and_counted(sampled: Sampled) -> None:
    await sampled.use({"traces": tail({"kind": "always"}, wait="1m", max_spans=1000)})
    for batch in ("1", "2"):
        spans = [span(f"{batch}{number:04x}", "x", at_ns=sampled.now_ns) for number in range(600)]
        await sampled.stored.spans("t", batch, *spans)
        await sampled.pass_seconds(1)

    assert await sampled.values("SELECT DISTINCT service FROM spans") == ["1"]
    assert await sampled.values("SELECT count() FROM spans_waiting") == [600]
    early = await sampled.rows("SELECT service, rule, outcome, sum(f.items) AS n FROM findings AS f GROUP BY ALL")
    assert [tuple(row.values()) for row in early] == [("1", "max_spans", "decided early", 600)]


async def test_what_waits_when_tail_sampling_is_switched_off_is_kept(sampled: Sampled) -> None:
    await sampled.use({"traces": tail({"kind": "error"}, wait="1m")})
    await sampled.stored.spans("t", "a", span("aa", "x", at_ns=sampled.now_ns))
    await sampled.use({})
    await sampled.pass_seconds(1)

    assert await sampled.values("SELECT weight FROM spans") == [1]
    assert await sampled.values("SELECT count() FROM spans_waiting") == [0]


async def test_decisions_are_let_go_of_when_they_are_old(sampled: Sampled) -> None:
    await sampled.use({"traces": tail({"kind": "error"}, keep_decisions="1m")})
    await sampled.stored.spans("t", "a", span("aa", "x", at_ns=sampled.now_ns))
    await sampled.pass_seconds(5)
    assert await sampled.values("SELECT count() FROM decisions") == [1]
    sampled.now_ns += 500 * NANOSECONDS_PER_SECOND
    await sampled.pass_seconds(1)

    assert await sampled.values("SELECT count() FROM decisions") == [0]


async def test_trace_that_waits_is_found_by_its_id(sampled: Sampled) -> None:
    await sampled.use({"traces": tail({"kind": "always"}, wait="5s")})
    for number in (1, 2):
        await sampled.stored.spans("t", "a", span("aa", "x", at_ns=sampled.now_ns, identity=number))
        assert await _span_ids(sampled) == [*range(1, number + 1)]
        await sampled.pass_seconds(1)
    await sampled.pass_seconds(4)
    # The second is moved with its trace and waits still.
    assert await sampled.values("SELECT count() FROM spans") == [2]
    assert await sampled.values("SELECT count() FROM spans_waiting") == [1]
    assert await _span_ids(sampled) == [1, 2]


async def _span_ids(sampled: Sampled) -> list[int]:
    found = await find_trace(sampled.stored.engine, "t", bytes.fromhex("aa".rjust(32, "0")), QueryLimits())
    assert found is not None
    return [int.from_bytes(one.span_id) for one in found.resource_spans[0].scope_spans[0].spans]
