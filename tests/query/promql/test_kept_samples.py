"""What is kept in memory never shows in a result."""

from __future__ import annotations

import random

import numpy as np
import pytest

from backbone.query.promql import float_samples
from backbone.query.promql.engine import PromQL, PromQLOptions, Question
from backbone.query.promql.fetch import TableSource
from backbone.query.promql.source import Report, Selection
from backbone.query.promql.table_reader import TableOptions
from backbone.query.promql.values import Grid
from backbone.query.selectors import Matcher
from backbone.store.engine import DEFAULT_LIMITS, Statement
from tests.query.promql.answers import as_points
from tests.stored import Stored

_START = 1_750_000_020_000
_MINUTE = 60_000
_QUERIES = (
    "queue_depth",
    "sum by (shard) (rate(queue_depth[3m]))",
    "topk(2, max_over_time(queue_depth[4m]))",
    "count(queue_depth offset 2m)",
    "sum(queue_depth) - sum(queue_depth offset -1m)",
    "max_over_time(sum(queue_depth)[5m:1m])",
    "sum(queue_depth @ end())",
)


def _source(stored: Stored, cached_bytes: int) -> TableSource:
    options = TableOptions(DEFAULT_LIMITS, max_series=1000, max_samples=1_000_000, max_cached_bytes=cached_bytes)
    return TableSource(stored.engine, options)


@pytest.fixture(autouse=True)
def _everything_is_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(float_samples, "_WORTH_KEEPING_SERIES_HOURS", 0)
    monkeypatch.setattr(float_samples, "_MOST_IN_ENGINE", 10)


@pytest.mark.parametrize("seed", range(4))
async def test_results_are_those_of_a_server_that_keeps_nothing(stored: Stored, seed: int) -> None:
    chance, tenant = random.Random(seed), stored.tenant()
    keeps = PromQL(_source(stored, 1 << 24), PromQLOptions())
    keeps_little = PromQL(_source(stored, 2_000), PromQLOptions(max_cached_points=50))
    forgets = PromQL(_source(stored, 0), PromQLOptions())
    written = _START

    for _ in range(12):
        for shard in range(chance.randrange(1, 5)):
            # Some come late, and some are sent again.
            first = written - chance.choice([0, 0, 0, 4, 9]) * _MINUTE
            times = [first + at * 20_000 for at in range(chance.randrange(1, 9))]
            samples = [(time, float((time // 20_000 * 7 + shard) % 101)) for time in times]
            await stored.samples(tenant, {"__name__": "queue_depth", "shard": f"s{shard}"}, samples)
        written += 2 * _MINUTE
        start = written - chance.randrange(3, 15) * _MINUTE
        for query in chance.sample(_QUERIES, 3):
            question = Question(query, Grid(start, written, chance.choice([20_000, _MINUTE])))
            expected = as_points(await forgets.ask(tenant, Question(query, question.grid, cached=False)))
            assert as_points(await keeps.ask(tenant, question)) == expected, query
            assert as_points(await keeps_little.ask(tenant, question)) == expected, query


async def test_what_was_read_is_not_read_again_and_only_what_is_new_is(stored: Stored) -> None:
    tenant, source = stored.tenant(), _source(stored, 1 << 24)
    labels = {"__name__": "queue_depth", "shard": "s"}
    await stored.samples(tenant, labels, [(_START + at * _MINUTE, float(at)) for at in range(60)])

    async def parts(start: int, end: int) -> list[tuple[str, int]]:
        report = Report()
        matchers = (Matcher("__name__", "=", "queue_depth"),)
        selection = Selection(matchers, _START + start * _MINUTE, _START + end * _MINUTE)
        await source.select(tenant, selection, report)
        return [
            (timing.part.split(":")[0] + (": known" if timing.part == "samples: known" else ""), timing.rows)
            for timing in report.timings
            if timing.part.startswith("samples")
        ]

    # A merge between two reads makes what is old look new, and it is read again.
    await stored.engine.command(Statement("SYSTEM STOP MERGES samples"))
    assert await parts(0, 60) == [("samples", 59)]
    assert await parts(10, 50) == [("samples: known", 59)]
    await stored.samples(tenant, labels, [(_START + 60 * _MINUTE, 60.0)])
    assert (await parts(5, 61))[-1][1] <= 2
    assert await parts(5, 61) == [("samples: known", 60)]
    await stored.engine.command(Statement("SYSTEM START MERGES samples"))


async def test_tenants_do_not_find_each_others(stored: Stored) -> None:
    source = PromQL(_source(stored, 1 << 24), PromQLOptions())
    one, other = stored.tenant(), stored.tenant()
    for tenant, value in ((one, 1.0), (other, 2.0)):
        await stored.samples(tenant, {"__name__": "queue_depth"}, [(_START, value)])

    for tenant, value in ((one, 1.0), (other, 2.0)):
        answer = await source.ask(tenant, Question("queue_depth", Grid(_START, _START + _MINUTE, _MINUTE)))
        assert [points.values.tolist() for points in answer.series] == [[value, value]]
        assert np.all(answer.series[0].values == value)
