"""The same samples and queries give what Debian's Prometheus gives."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from backbone.model.errors import BackboneError
from backbone.model.time import now_ns
from backbone.query.promql.engine import PromQL, PromQLOptions, Question
from backbone.query.promql.fetch import STALE_BITS, TableSource
from backbone.query.promql.table_reader import TableOptions
from backbone.query.promql.values import Grid
from backbone.store.engine import DEFAULT_LIMITS
from tests.debian import Data, needs_prometheus, open_prometheus
from tests.query.promql.questions import Questions
from tests.stored import STALE, Stored

pytestmark = needs_prometheus

_START = now_ns() // 1_000_000 // 60_000 * 60_000 - 5_400_000
_SAMPLES = 200
_GRIDS = (Grid(_START + 1_200_000, _START + 2_700_000, 60_000), Grid(_START + 2_400_000, _START + 2_400_000, 0))
_QUERIES = 300
_STALE = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]

Answered = dict[tuple[tuple[str, str], ...], dict[int, float]]


def _times(chance: random.Random, shard: int) -> list[int]:
    """Return times of samples, some missing one by one, some for minutes; none is a whole second."""
    gap = chance.randrange(40, _SAMPLES - 40)
    return [
        _START + at * 15_000 + 3_217 + shard * 101
        for at in range(_SAMPLES)
        if chance.random() > 0.05 and not gap < at < gap + 25
    ]


def _data(seed: int) -> Data:
    chance = random.Random(seed)
    series: list[tuple[dict[str, str], list[tuple[int, float]]]] = []
    for shard in range(4):
        labels = {"shard": f"s{shard}", "job": f"j{shard % 2}"}
        times = _times(chance, shard)
        # Resets do not fall to 0: how a rate is drawn out to there has changed since Prometheus 2.
        total = 5_000.0
        calls = []
        for time in times:
            total = 3_000 + chance.random() if chance.random() < 0.03 else total + chance.random() * 20
            calls.append((time, total))
        series.append(({"__name__": "calls_total", **labels}, calls))
        depth = [(time, _STALE if at % 37 == 0 else chance.uniform(-10, 60))
                 for at, time in enumerate(times)]  # fmt: skip
        series.append(({"__name__": "depth", **labels}, depth))
        walk = [(time, 20 + 10 * math.sin(time / 3e5) + shard) for time in times]
        series.append(({"__name__": "temperature", **labels}, walk))
        counts = [5_000.0] * 4
        buckets: list[list[tuple[int, float]]] = [[], [], [], []]
        for time in times:
            counts = [count + chance.randrange(5) for count in counts]
            for at in range(4):
                buckets[at].append((time, sum(counts[: at + 1])))
        for bound, samples in zip(("0.1", "0.5", "2", "+Inf"), buckets, strict=True):
            series.append(({"__name__": "latency_bucket", "le": bound, **labels}, samples))
    return series


async def _asked(http: httpx.AsyncClient, query: str, grid: Grid) -> Answered | None:
    given: dict[str, Any] = {"query": query}
    if grid.step:
        given |= {"start": grid.start / 1000, "end": grid.end / 1000, "step": grid.step / 1000}
    else:
        given |= {"time": grid.start / 1000}
    answer = (await http.post("/api/v1/query_range" if grid.step else "/api/v1/query", data=given)).json()
    if answer["status"] == "error":
        return None
    return {
        tuple(sorted(one["metric"].items())): {
            round(time * 1000): float(value) for time, value in one.get("values", [one.get("value")])
        }
        for one in answer["data"]["result"]
    }


async def _own(promql: PromQL, tenant: str, query: str, grid: Grid) -> Answered | None:
    try:
        answer = await promql.ask(tenant, Question(query, grid))
    except BackboneError:
        return None
    return {
        tuple(points.labels.items()): dict(zip(points.times.tolist(), points.values.tolist(), strict=True))
        for points in answer.series
    }


def _differences(own: Answered | None, theirs: Answered | None) -> Iterator[str]:
    if own is None or theirs is None:
        if own is not theirs:
            yield f"an error on one side only: {own is None} here, {theirs is None} there"
        return
    if own.keys() != theirs.keys():
        yield f"series {sorted(own.keys() ^ theirs.keys())}"
    for labels in own.keys() & theirs.keys():
        mine, other = own[labels], theirs[labels]
        if mine.keys() != other.keys():
            yield f"{labels}: times {sorted(mine.keys() ^ other.keys())}"
        for time in mine.keys() & other.keys():
            if not _close(mine[time], other[time]):
                yield f"{labels} at {time}: {mine[time]} here, {other[time]} there"


def _close(left: float, right: float) -> bool:
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return math.isclose(left, right, rel_tol=1e-7, abs_tol=1e-6)


async def test_answers_are_those_of_prometheus(stored: Stored, tmp_path: Path) -> None:
    tenant, data, questions = stored.tenant(), _data(1), Questions(1)
    for labels, samples in data:
        told = [(time, STALE if _bits(value) == STALE_BITS else value) for time, value in samples]
        await stored.samples(tenant, labels, told)
    promql = PromQL(TableSource(stored.engine, TableOptions(DEFAULT_LIMITS, 10_000, 10_000_000)), PromQLOptions())
    answered = 0

    with open_prometheus(tmp_path / "prometheus") as prometheus:
        await prometheus.write(data)
        async with httpx.AsyncClient(base_url=prometheus.url, timeout=60) as http:
            for query in (questions.one() for _ in range(_QUERIES)):
                for grid in _GRIDS:
                    theirs = await _asked(http, query, grid)
                    assert not list(_differences(await _own(promql, tenant, query, grid), theirs)), query
                    answered += bool(theirs)

    # Of empty answers nothing is learned.
    assert answered > _QUERIES


def _bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])
