"""Log records are left out by rules, and never out of a trace that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.process.sample.sampled import Sampled, tail
from tests.stored import record, span

FAILED = Status(code=Status.STATUS_CODE_ERROR)
BODIES = "SELECT body FROM logs ORDER BY body"


@pytest.mark.parametrize(
    ("match", "left_out"),
    [
        pytest.param({}, ["d", "e", "i", "it's 5 o'clock", "u", "w"], id="all"),
        pytest.param({"severity_below": "info"}, ["d"], id="less severe"),
        pytest.param({"severity_below": "error"}, ["d", "i", "it's 5 o'clock", "w"], id="less severe than an error"),
        pytest.param({"pattern": "\\d o'clock$"}, ["it's 5 o'clock"], id="pattern"),
        pytest.param({"pattern": "o'clock", "severity_below": "info"}, [], id="all that is given has to hold"),
        pytest.param({"services": ["o'neil"]}, ["d", "e", "i", "it's 5 o'clock", "u", "w"], id="service"),
        pytest.param({"services": ["other"]}, [], id="other service"),
    ],
)
async def test_rule_is_about_what_it_says(sampled: Sampled, match: Mapping[str, Any], left_out: list[str]) -> None:
    await sampled.use({"logs": {"rules": [{"name": "it's", "match": match, "drop": True}]}})
    severities = {"d": 5, "i": 9, "w": 13, "e": 17, "u": 0, "it's 5 o'clock": 9}
    records = [record(body, severity=severity) for body, severity in severities.items()]
    await sampled.stored.logs("t", "o'neil", *records)

    assert await sampled.values(BODIES) == sorted(set(severities) - set(left_out))
    assert await sampled.left_out("logs") == ({"it's": len(left_out)} if left_out else {})


async def test_record_belongs_to_the_first_rule_that_is_about_it(sampled: Sampled) -> None:
    rules = [
        {"name": "kept", "match": {"pattern": "^a"}, "ratio": 1.0},
        {"name": "dropped", "match": {"severity_below": "warn"}, "drop": True},
    ]
    await sampled.use({"logs": {"rules": rules}})
    await sampled.stored.logs("t", "a", record("a"), record("b"), record("c", severity=17))

    assert await sampled.values(BODIES) == ["a", "c"]


async def test_ratio_keeps_its_share_and_the_same_of_a_repeated_group(sampled: Sampled) -> None:
    await sampled.use({"logs": {"rules": [{"name": "some", "ratio": 0.25}]}})
    records = [record(f"{number}", at_ns=sampled.now_ns) for number in range(2000)]
    for tenant in ("t", "u"):
        await sampled.stored.logs(tenant, "a", *records, received_ns=sampled.now_ns)

    kept = [await sampled.values(f"SELECT body FROM logs WHERE tenant = '{tenant}' ORDER BY body") for tenant in "tu"]
    assert kept[0] == kept[1]
    assert 400 < len(kept[0]) < 600
    assert await sampled.left_out("logs") == {"some": 4000 - 2 * len(kept[0])}


async def test_rate_is_of_each_service_and_second_over_all_groups(sampled: Sampled) -> None:
    await sampled.use({"logs": {"rules": [{"name": "some", "match": {"severity_below": "error"}, "per_second": 5}]}})
    second = sampled.now_ns // 10**9 * 10**9
    for number in range(4):
        for service in ("a", "b"):
            records = [record(f"{number}") for _ in range(3)]
            await sampled.stored.logs("t", service, *records, received_ns=second + number * 1000)
    await sampled.stored.logs("t", "a", *[record("next") for _ in range(7)], received_ns=second + 10**9)
    await sampled.stored.logs("t", "a", record("severe", severity=17), received_ns=second + 10**9)

    rows = await sampled.rows(
        "SELECT service, toUnixTimestamp(received) AS s, count() AS n FROM logs GROUP BY ALL ORDER BY ALL"
    )
    at = second // 10**9
    assert [tuple(row.values()) for row in rows] == [("a", at, 5), ("a", at + 1, 6), ("b", at, 5)]
    assert await sampled.left_out("logs") == {"some": 7 + 7 + 2}


def _of(trace: str, body: str) -> LogRecord:
    return record(body, trace_id=bytes.fromhex(trace.rjust(32, "0")))


async def test_no_record_is_left_out_of_a_trace_where_all_traces_are_kept(sampled: Sampled) -> None:
    await sampled.use({"logs": {"rules": [{"name": "all", "drop": True}]}})
    await sampled.stored.logs("t", "a", _of("aa", "traced"), record("not traced"))

    assert await sampled.values(BODIES) == ["traced"]


@pytest.mark.parametrize("is_record_first", [True, False], ids=["record first", "spans first"])
async def test_records_of_a_kept_trace_are_kept_and_others_left_out(sampled: Sampled, is_record_first: bool) -> None:
    rules = [{"name": "quiet", "match": {"severity_below": "error"}, "drop": True}]
    await sampled.use({"traces": tail({"kind": "error"}), "logs": {"rules": rules}})

    async def send_records() -> None:
        records = [_of("aa", "of kept"), _of("bb", "of dropped"), _of("cc", "of none"), record("no trace")]
        await sampled.stored.logs("t", "a", *records, record("severe", severity=17))

    if is_record_first:
        await send_records()
        await sampled.pass_seconds(2)
    spans = [span("aa", "x", at_ns=sampled.now_ns, status=FAILED), span("bb", "x", at_ns=sampled.now_ns)]
    await sampled.stored.spans("t", "a", *spans)
    if not is_record_first:
        await sampled.pass_seconds(1)
        await send_records()
    assert await sampled.values(BODIES) == ["severe"]
    await sampled.pass_seconds(4)
    assert await sampled.values(BODIES) == ["of kept", "severe"]

    await sampled.stored.logs("t", "a", _of("aa", "late of kept"), _of("bb", "late of dropped"))
    await sampled.pass_seconds(1)
    assert await sampled.values(BODIES) == ["late of kept", "of kept", "severe"]
    await sampled.pass_seconds(12, step=2)
    assert await sampled.values(BODIES) == ["late of kept", "of kept", "severe"]
    assert await sampled.left_out("logs") == {"quiet": 4}
    assert await sampled.values("SELECT count() FROM logs_waiting") == [0]


async def test_record_that_comes_long_before_the_span_that_keeps_its_trace_is_kept(sampled: Sampled) -> None:
    rules = [{"name": "all", "drop": True}]
    await sampled.use({"traces": tail({"kind": "error"}, wait="4s"), "logs": {"rules": rules}})
    await sampled.stored.logs("t", "a", _of("aa", "early"))
    await sampled.pass_seconds(4)
    await sampled.stored.spans("t", "a", span("aa", "x", at_ns=sampled.now_ns, status=FAILED))
    await sampled.pass_seconds(6)

    assert await sampled.values(BODIES) == ["early"]


async def test_what_waits_when_sampling_is_switched_off_is_kept(sampled: Sampled) -> None:
    await sampled.use({"traces": tail({"kind": "error"}), "logs": {"rules": [{"name": "all", "drop": True}]}})
    await sampled.stored.logs("t", "a", _of("aa", "waits"))
    assert await sampled.values(BODIES) == []
    await sampled.use({})
    await sampled.pass_seconds(1)

    assert await sampled.values(BODIES) == ["waits"]


async def test_sweeps_that_stood_still_do_not_part_a_record_from_its_trace(sampled: Sampled) -> None:
    await sampled.use({"traces": tail({"kind": "error"}), "logs": {"rules": [{"name": "all", "drop": True}]}})
    await sampled.stored.logs("t", "a", _of("aa", "early"))
    await sampled.pass_seconds(2)
    await sampled.stored.spans("t", "a", span("aa", "x", at_ns=sampled.now_ns, status=FAILED))
    await sampled.pass_seconds(60, step=60)
    await sampled.pass_seconds(4)

    assert await sampled.values(BODIES) == ["early"]
