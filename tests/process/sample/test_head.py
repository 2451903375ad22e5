"""Spans are let through by their trace's id as they come, with the threshold that did it."""

from __future__ import annotations

import random

import pytest

from backbone.process.sample.threshold import probability, threshold
from tests.process.sample.sampled import Sampled, tail
from tests.stored import record, span

HIGH, LOW = "f" * 32, "0" * 31 + "1"
RED = "SELECT service, sum(spans) AS n FROM operations GROUP BY service ORDER BY service"


async def test_services_keep_the_same_traces_and_what_is_left_out_is_counted_and_in_the_rates(
    sampled: Sampled,
) -> None:
    await sampled.use({"traces": {"head": {"ratio": 0.25, "services": {"o'neil": 0.5}}}})
    chance = random.Random(1)
    ids = [f"{chance.getrandbits(128):032x}" for _ in range(200)]
    for service in ("a", "b", "o'neil"):
        await sampled.stored.spans("t", service, *[span(trace, "x", at_ns=sampled.now_ns) for trace in ids])

    kept = {
        service: set(await sampled.values(f"SELECT lower(hex(trace_id)) FROM spans WHERE service = '{service}'"))
        for service in ("a", "b", "o''neil")
    }
    at_least = {ratio: int(threshold(ratio).ljust(14, "0"), 16) for ratio in (0.25, 0.5)}
    assert kept["a"] == kept["b"] == {trace for trace in ids if int(trace[-14:], 16) >= at_least[0.25]}
    assert kept["o''neil"] == {trace for trace in ids if int(trace[-14:], 16) >= at_least[0.5]}
    assert await sampled.left_out() == {"head": 600 - sum(map(len, kept.values()))}
    assert await sampled.values("SELECT DISTINCT weight FROM spans WHERE service = 'a'") == [4]
    assert [row["n"] for row in await sampled.rows(RED)] == [200, 200, 200]


@pytest.mark.parametrize(
    ("trace", "state", "kept", "weight"),
    [
        pytest.param(HIGH, "", "ot=th:8", 2, id="no state"),
        pytest.param(LOW, "", None, 0, id="left out"),
        pytest.param(HIGH, "ot=th:c", "ot=th:c", 4, id="sampled more strictly before"),
        pytest.param(HIGH, "k=v,ot=th:4;p:8", "ot=th:8;p:8,k=v", 2, id="sampled less strictly before"),
        pytest.param(LOW, "ot=rv:ffffffffffffff", "ot=th:8;rv:ffffffffffffff", 2, id="randomness of its own"),
        pytest.param(HIGH, "ot=rv:00000000000000;th:0", None, 0, id="left out by randomness of its own"),
        pytest.param(
            "9".rjust(18, "0") + "9" * 14, "ot=th:f", "ot=th:8", 2, id="threshold that it cannot have come through"
        ),
    ],
)
async def test_stricter_of_two_thresholds_holds_and_is_written_down(
    sampled: Sampled, trace: str, state: str, kept: str | None, weight: float
) -> None:
    await sampled.use({"traces": {"head": {"ratio": 0.5}}})
    await sampled.stored.spans("t", "a", span(trace, "x", at_ns=sampled.now_ns, trace_state=state))

    rows = await sampled.rows("SELECT trace_state, weight FROM spans")
    assert rows == ([] if kept is None else [{"trace_state": kept, "weight": weight}])


async def test_span_that_was_sampled_before_has_its_weight_without_any_policy(sampled: Sampled) -> None:
    await sampled.use({})
    states = ["", "ot=th:8", "x=y,ot=p:1;th:fd70a", "ot=th:none"]
    spans = [span(f"{n + 1}", "x", at_ns=sampled.now_ns + n, trace_state=state) for n, state in enumerate(states)]
    await sampled.stored.spans("t", "a", *spans)

    weights = await sampled.values("SELECT weight FROM spans ORDER BY time")
    assert weights == [1, 2, pytest.approx(1 / probability("fd70a")), 1]


async def test_what_the_head_lets_through_waits_for_the_tail(sampled: Sampled) -> None:
    await sampled.use({"traces": {"head": {"ratio": 0.5}, **tail({"kind": "probabilistic", "ratio": 0.25})}})
    middle = "9" * 32
    await sampled.stored.spans("t", "a", *[span(trace, "x", at_ns=sampled.now_ns) for trace in (HIGH, middle, LOW)])
    await sampled.pass_seconds(4)

    assert await sampled.rows("SELECT lower(hex(trace_id)) AS trace, weight, trace_state FROM spans") == [
        {"trace": HIGH, "weight": 4, "trace_state": "ot=th:c"}
    ]
    assert await sampled.left_out() == {"head": 1, "tail": 1}


async def test_records_of_traces_that_the_head_lets_through_are_kept(sampled: Sampled) -> None:
    rules = [{"name": "all", "drop": True}]
    await sampled.use({"traces": {"head": {"ratio": 0.1, "services": {"b": 0.5}}}, "logs": {"rules": rules}})
    records = [record(trace[0], trace_id=bytes.fromhex(trace)) for trace in (HIGH, "9" * 32, LOW)]
    await sampled.stored.logs("t", "a", *records, record("no trace"))

    assert sorted(await sampled.values("SELECT body FROM logs")) == ["9", "f"]
    assert await sampled.left_out("logs") == {"all": 2}
