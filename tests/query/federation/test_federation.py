"""Queries over several servers give what one big server would."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backbone.model.time import now_ns
from backbone.query.federation.peer import Peer, PeerOptions, hops
from backbone.query.federation.source import FederatedSource, FederationOptions
from backbone.query.promql.answer import Answer
from backbone.query.promql.engine import PromQL, PromQLOptions, Question
from backbone.query.promql.fetch import TableSource
from backbone.query.promql.table_reader import TableOptions
from backbone.query.promql.values import Grid
from backbone.store.engine import DEFAULT_LIMITS
from tests.conftest import free_port
from tests.debian import Data, Prometheus, needs_prometheus, open_prometheus
from tests.stored import Stored

pytestmark = needs_prometheus

_MS = now_ns() // 1_000_000 // 60_000 * 60_000 - 3_600_000
# Where series begin, Prometheus 2 extrapolates a little otherwise.
_RANGE = Grid(_MS + 780_000, _MS + 1_500_000, 60_000)


def _counters(seed: int, shards: int = 4) -> Data:
    chance = random.Random(seed)
    series = []
    for shard in range(shards):
        total, samples = 0.0, []
        for at in range(110):
            total = 0.0 if chance.random() < 0.02 else total + chance.random() * 20
            if chance.random() < 0.95:
                # Never at a step: Prometheus 2 counts a sample at a window's start, Prometheus 3 does not.
                samples.append((_MS + at * 15_000 + 3_217 + shard, total))
        series.append(({"__name__": "calls_total", "shard": f"s{shard}", "job": f"j{shard % 2}"}, samples))
    return series


def _labelled(data: Data, **labels: str) -> Data:
    return [({**own, **labels}, samples) for own, samples in data]


@dataclass(frozen=True, slots=True)
class Federation:
    """This server's samples, and two others that are one Prometheus each."""

    stored: Stored
    eu: Prometheus
    asia: Prometheus
    stack: AsyncExitStack

    def source(self, *peers: PeerOptions, replica_labels: tuple[str, ...] = (), **external: str) -> FederatedSource:
        own = TableSource(self.stored.engine, TableOptions(DEFAULT_LIMITS, 100_000, 10_000_000))
        options = FederationOptions("here", external, replica_labels)
        asked = [Peer(peer, "here", "X-Scope-OrgID") for peer in peers]
        for peer in asked:
            self.stack.push_async_callback(peer.close)
        return FederatedSource(own, asked, options)

    def both(self, **others: Any) -> tuple[PeerOptions, PeerOptions]:
        return (
            PeerOptions("eu", self.eu.url, external_labels={"region": "eu"}, **others),
            PeerOptions("asia", self.asia.url, external_labels={"region": "asia"}, **others),
        )

    def big(self) -> PromQL:
        source = TableSource(self.stored.engine, TableOptions(DEFAULT_LIMITS, 100_000, 10_000_000))
        return PromQL(source, PromQLOptions())


@pytest.fixture
async def federation(stored: Stored, tmp_path: Path) -> AsyncIterator[Federation]:
    with open_prometheus(tmp_path / "eu") as eu, open_prometheus(tmp_path / "asia") as asia:
        async with AsyncExitStack() as stack:
            yield Federation(stored, eu, asia, stack)


async def _write(stored: Stored, tenant: str, data: Data) -> None:
    for labels, samples in data:
        await stored.samples(tenant, labels, samples, "counter")


def _values(answer: Answer) -> dict[tuple[tuple[str, str], ...], dict[int, float]]:
    return {
        tuple(points.labels.items()): dict(zip(points.times.tolist(), points.values.tolist(), strict=True))
        for points in answer.series
    }


def _assert_same(found: Answer, expected: Answer, query: str) -> None:
    assert not found.warnings
    mine, big = _values(found), _values(expected)
    assert mine.keys() == big.keys(), query
    assert big, query
    for labels, points in big.items():
        assert mine[labels].keys() == points.keys(), (query, labels)
        np.testing.assert_allclose(list(mine[labels].values()), list(points.values()), rtol=1e-9, err_msg=query)


_QUERIES = (
    "sum by (job) (rate(calls_total[5m]))",
    "sum by (region, job) (rate(calls_total[5m]))",
    "sum without (shard) (increase(calls_total[5m]))",
    "topk(3, rate(calls_total[5m]))",
    "count(calls_total)",
    'max by (region) (calls_total{region=~"eu|us"})',
    'calls_total{region="eu"}',
    'sum(calls_total{region!="eu"}) / sum(calls_total)',
    "avg by (region) (calls_total)",
    "sum by (region) (2 * rate(calls_total[5m] offset 1m))",
    "quantile(0.5, increase(calls_total[4m]))",
    "max_over_time(sum(rate(calls_total[5m]))[10m:2m])",
    "calls_total",
    'sum(rate(calls_total{region="mars"}[5m])) or count(calls_total)',
)


@pytest.mark.parametrize(
    "others", [{}, {"push_down": False}, {"read": "query"}], ids=["as it is", "nothing pushed down", "by the query API"]
)
async def test_a_query_gives_what_one_big_server_would(federation: Federation, others: Mapping[str, Any]) -> None:
    stored = federation.stored
    here, big = stored.tenant(), stored.tenant()
    parts = {region: _counters(seed) for seed, region in enumerate(("us", "eu", "asia"))}
    await _write(stored, here, parts["us"])
    await federation.eu.write(parts["eu"])
    await federation.asia.write(parts["asia"])
    for region, data in parts.items():
        await _write(stored, big, _labelled(data, region=region))
    source = federation.source(*federation.both(**others), region="us")
    promql = PromQL(source, PromQLOptions(), source)

    for query in _QUERIES:
        for grid in (_RANGE, Grid(_RANGE.end, _RANGE.end, 0)):
            found = await promql.ask(here, Question(query, grid))
            _assert_same(found, await federation.big().ask(big, Question(query, grid)), query)


async def test_what_is_safe_is_pushed_down_and_nothing_else_is(federation: Federation) -> None:
    stored = federation.stored
    here = stored.tenant()
    await _write(stored, here, _counters(0))
    await federation.eu.write(_counters(1))
    apart = federation.source(*federation.both(), region="us")
    alike = federation.source(PeerOptions("eu", federation.eu.url), region="us")

    async def parts(source: FederatedSource, query: str) -> list[str]:
        answer = await PromQL(source, PromQLOptions(), source).ask(here, Question(query, _RANGE))
        return [timing.part for timing in answer.timings if timing.part.startswith("peer eu")]

    pushed = "sum by (job) (rate(calls_total[5m]))"
    assert await parts(apart, pushed) == [f"peer eu: {pushed}"]
    assert await parts(apart, f"{pushed} / count(calls_total)") == ["peer eu"]
    assert await parts(apart, "avg(calls_total)") == ["peer eu"]
    assert await parts(alike, pushed) == ["peer eu"]


async def test_the_same_samples_on_several_servers_count_once(federation: Federation) -> None:
    stored = federation.stored
    here, big = stored.tenant(), stored.tenant()
    everything = _counters(7)
    await _write(stored, big, everything)
    await _write(stored, here, [(labels, samples[:60]) for labels, samples in everything[:3]])
    await federation.eu.write([(labels, samples[40:]) for labels, samples in everything[:3]])
    await federation.asia.write(everything[3:])
    source = federation.source(PeerOptions("eu", federation.eu.url), PeerOptions("asia", federation.asia.url))

    for query in ("calls_total", "sum by (job) (rate(calls_total[5m]))", "count_over_time(calls_total[5m])"):
        found = await PromQL(source, PromQLOptions(), source).ask(here, Question(query, _RANGE))
        _assert_same(found, await federation.big().ask(big, Question(query, _RANGE)), query)


async def test_of_replicas_one_is_followed_and_the_other_fills_its_gaps(federation: Federation) -> None:
    stored = federation.stored
    here, big = stored.tenant(), stored.tenant()
    everything = _counters(9)
    # The second replica scraped some seconds later, and saw a little more.
    later = [(labels, [(time + 6_000, value + 0.5) for time, value in samples]) for labels, samples in everything]
    await _write(stored, big, everything)
    with_gap = [(labels, [*samples[:30], *samples[60:]]) for labels, samples in everything]
    await federation.eu.write(with_gap)
    await federation.asia.write(later)
    peers = (
        PeerOptions("a", federation.eu.url, external_labels={"region": "eu", "replica": "a"}),
        PeerOptions("b", federation.asia.url, external_labels={"region": "eu", "replica": "b"}),
    )
    source = federation.source(*peers, replica_labels=("replica",))
    promql = PromQL(source, PromQLOptions(), source)

    found = await promql.ask(here, Question("count_over_time(calls_total[10m])", _RANGE))
    counted = await federation.big().ask(big, Question("count_over_time(calls_total[10m])", _RANGE))

    assert [set(points.labels) for points in found.series] == [{"job", "region", "shard"}] * 4
    for one, other in zip(found.series, counted.series, strict=True):
        # Where one is followed in the other's place, a sample more or less may be counted.
        assert np.abs(one.values - other.values).max() <= 2


async def test_a_peer_that_is_down_is_named_and_the_others_answer(federation: Federation) -> None:
    stored = federation.stored
    here = stored.tenant()
    await _write(stored, here, _counters(1))
    gone = PeerOptions("mars", f"http://127.0.0.1:{free_port()}", external_labels={"region": "mars"})
    source = federation.source(gone, region="us")
    promql = PromQL(source, PromQLOptions(), source)

    for query in ("calls_total", "sum(rate(calls_total[5m]))"):
        answer = await promql.ask(here, Question(query, _RANGE))
        assert answer.series
        assert any("peer mars" in warning for warning in answer.warnings), answer.warnings


async def test_a_question_that_came_through_here_before_finds_nothing(federation: Federation) -> None:
    stored = federation.stored
    here = stored.tenant()
    await _write(stored, here, _counters(1))
    source = federation.source(region="us")
    token = hops.set(("elsewhere", "here"))
    try:
        answer = await PromQL(source, PromQLOptions(), source).ask(here, Question("calls_total", _RANGE))
    finally:
        hops.reset(token)

    assert not answer.series
