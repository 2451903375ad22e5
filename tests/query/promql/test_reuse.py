"""Range queries asked again: what was computed before stands beside what is new, and nobody can tell."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from backbone.query.promql.answer import Answer
from backbone.query.promql.engine import PromQL, PromQLOptions, Question
from backbone.query.promql.fetch import TableSource
from backbone.query.promql.histograms import HistogramRow, text
from backbone.query.promql.parser import parse
from backbone.query.promql.reuse import can_be_continued
from backbone.query.promql.script import notation as script
from backbone.query.promql.source import Changes, Moment
from backbone.query.promql.table_reader import TableOptions
from backbone.query.promql.values import Grid
from backbone.query.remote_read import write_request
from backbone.store.engine import QueryLimits
from tests.stored import STALE, Stored

MINUTE = 60_000
START = 1_700_000_000_000 // MINUTE * MINUTE
"""The middle of what is written."""

OPTIONS = TableOptions(QueryLimits(timeout_seconds=60), max_series=10_000, max_samples=1_000_000)

Shown = dict[tuple[tuple[str, str], ...], list[tuple[int, str]]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A tenant with series, and an engine that remembers."""

    stored: Stored
    promql: PromQL
    tenant: str

    async def again(self, query: str, grid: Grid) -> tuple[Shown, Shown]:
        """Return the answer for which what is known may be used, and that for which it may not."""
        kept = await self.promql.ask(self.tenant, Question(query, grid))
        anew = await self.promql.ask(self.tenant, Question(query, grid, cached=False))
        return _shown(kept), _shown(anew)

    async def once(self, query: str, grid: Grid) -> None:
        """Ask, so that the answer is known from then on."""
        await self.promql.ask(self.tenant, Question(query, grid))

    async def reused(self, query: str, grid: Grid) -> int:
        """Return how many steps of an answer were computed before."""
        return _reused(await self.promql.ask(self.tenant, Question(query, grid)))

    async def write(self, labels: dict[str, str], *samples: tuple[float, float | str]) -> None:
        """Write samples, each at minutes from the start."""
        await self.stored.samples(self.tenant, labels, [(START + round(at * MINUTE), value) for at, value in samples])


def _reused(answer: Answer) -> int:
    return sum(timing.rows for timing in answer.timings if timing.part == "computed before")


def _shown(answer: Answer) -> Shown:
    shown: Shown = {}
    for points in answer.series:
        rows = [-1] * len(points.times) if points.histograms is None else points.histograms.tolist()
        texts = [
            repr(value) if row < 0 or answer.block is None else text(answer.block, row)
            for value, row in zip(points.values.tolist(), rows, strict=True)
        ]
        shown[tuple(points.labels.items())] = list(zip(points.times.tolist(), texts, strict=True))
    return shown


def _grid(first: float, last: float, step: float = 1) -> Grid:
    """Return steps in minutes from the start."""
    return Grid(*(round(minutes * MINUTE) for minutes in (START / MINUTE + first, START / MINUTE + last, step)))


def _peer(peer: str, shard: str = "0") -> dict[str, str]:
    return {"__name__": "relay_requests_total", "peer": peer, "shard": shard}


@pytest.fixture
async def asked(stored: Stored) -> Asked:
    asked = Asked(stored, PromQL(TableSource(stored.engine, OPTIONS), PromQLOptions()), stored.tenant())
    rng = random.Random(4)
    series = [(_peer(peer), _counter(rng)) for peer in ("osaka", "lima", "oslo")]
    ended = [(-30.0, 5.0), (-2.0, 9.0), (3.5, script.STALE), (20.0, 1.0), (21.0, 4.0), (21.5, script.STALE)]
    series.append((_peer("pune"), [(START + round(at * MINUTE), value) for at, value in ended]))
    body = write_request([*series, ({"__name__": "wait_seconds", "queue": "mail"}, _histograms())])
    await stored.send("remote_write", asked.tenant, body)
    return asked


def _counter(rng: random.Random) -> list[tuple[int, float]]:
    value, samples = 0.0, []
    for at in range(-40, 60):
        value = 0.0 if rng.random() < 0.1 else value + rng.randrange(50)
        samples.append((START + at * MINUTE + rng.randrange(30_000), value))
    return samples


def _histograms() -> list[tuple[int, HistogramRow]]:
    grown = [(START + at * MINUTE, float((at + 41) % 37 + 1)) for at in range(-40, 60)]
    return [
        (at, HistogramRow(0, 6.0 * own, 9.0 * own, 0.1, own, positive=[(1, 2.0 * own), (3, 3.0 * own)]))
        for at, own in grown
    ]


QUERIES = [
    "relay_requests_total",
    "rate(relay_requests_total[5m])",
    "sum by (shard) (increase(relay_requests_total[3m]))",
    "topk(2, relay_requests_total)",
    "bottomk by (shard) (1, rate(relay_requests_total[4m]))",
    "sort(relay_requests_total)",
    "max_over_time(rate(relay_requests_total[3m])[6m:1m])",
    "avg_over_time(relay_requests_total[5m] offset 2m)",
    "relay_requests_total offset -3m",
    "relay_requests_total @ end()",
    "sum(relay_requests_total @ start())",
    "rate(relay_requests_total[3m] @ 1700000100)",
    "last_over_time(relay_requests_total[2m:30s] offset -1m)",
    "relay_requests_total > 200 or relay_requests_total{peer='pune'}",
    "absent(relay_requests_total{peer='pune'})",
    "count_values('value', relay_requests_total > bool 100)",
    "label_replace(relay_requests_total, 'peer', 'x', 'peer', 'nobody') + time()",
    "wait_seconds",
    "rate(wait_seconds[5m])",
    "sum(rate(wait_seconds[4m])) or sum(relay_requests_total)",
    "histogram_quantile(0.9, rate(wait_seconds[5m]))",
    "predict_linear(relay_requests_total[5m], 60)",
    "vector(1)",
    "nothing",
]

MOVES = [
    pytest.param(_grid(0, 10), _grid(0, 12), id="grown"),
    pytest.param(_grid(0, 10), _grid(3, 13), id="moved on"),
    pytest.param(_grid(0, 10), _grid(10, 14), id="one step in common"),
    pytest.param(_grid(0, 10), _grid(11, 14), id="right behind"),
    pytest.param(_grid(0, 10), _grid(30, 40), id="far behind"),
    pytest.param(_grid(0, 10), _grid(2, 8), id="narrower"),
    pytest.param(_grid(0, 10), _grid(0, 10), id="the same"),
    pytest.param(_grid(0, 10), _grid(-5, 10), id="begins before"),
    pytest.param(_grid(0, 10), _grid(0.5, 10.5), id="between the steps"),
    pytest.param(_grid(0, 10), _grid(0, 10, 2), id="other step"),
    pytest.param(_grid(0, 10.5), _grid(2, 12.25), id="ends between steps"),
]


@pytest.mark.parametrize(("first", "second"), MOVES)
async def test_a_moved_window_has_the_answer_it_would_have_had_first(asked: Asked, first: Grid, second: Grid) -> None:
    for query in QUERIES:
        await asked.once(query, first)
        kept, anew = await asked.again(query, second)

        assert kept == anew, query


@pytest.mark.parametrize("query", QUERIES)
async def test_random_moves_and_writes_never_show(asked: Asked, query: str) -> None:
    rng = random.Random(query)
    first, step = 0.0, 1.0
    for number in range(12):
        first = rng.choice([first, first + 1, first + rng.randrange(8), first - 2, first + 0.5])
        step = rng.choice([step, step, step, step, 2.0, 0.5])
        kept, anew = await asked.again(query, _grid(first, first + rng.uniform(0, 12), step))

        assert kept == anew
        if rng.random() < 0.5:
            at = first + rng.uniform(-8, 14)
            await asked.write(_peer(rng.choice(["oslo", f"new{number}"])), (at, rng.uniform(0, 500)))


class ToldSource(TableSource):
    """The tables, of which a test says what was written since."""

    oldest_ms: int | None = None

    async def changes(self, since: Moment | None) -> Changes:
        return Changes((0,), self.oldest_ms)


@pytest.mark.parametrize(
    ("at", "reused"),
    [(-20, 0), (-0.5, 0), (0.5, 1), (4, 4), (4.5, 5), (9.5, 10), (10, 10), (10.5, 11), (30, 11), (None, 11)],
)
@pytest.mark.parametrize("second", [_grid(0, 10), _grid(0, 12), _grid(0, 10.5)])
async def test_steps_stand_up_to_the_oldest_sample_written_since(
    asked: Asked, at: float | None, reused: int, second: Grid
) -> None:
    source = ToldSource(asked.stored.engine, OPTIONS)
    told = Asked(asked.stored, PromQL(source, PromQLOptions()), asked.tenant)
    await told.once("relay_requests_total", _grid(0, 10))
    source.oldest_ms = None if at is None else START + round(at * MINUTE)

    kept = await told.promql.ask(told.tenant, Question("relay_requests_total", second))
    _, anew = await told.again("relay_requests_total", second)

    assert _reused(kept) == reused
    assert _shown(kept) == anew


@pytest.mark.parametrize("at", [-1.5, -0.5, 3.0, 9.5, 10.0])
async def test_late_samples_of_a_new_series_show(asked: Asked, at: float) -> None:
    query = "sum by (peer) (relay_requests_total)"
    await asked.again(query, _grid(0, 10))

    await asked.write(_peer("late"), (at, 7_000.0), (at + 2, 7_001.0))

    for later in (_grid(0, 10), _grid(0, 12), _grid(3, 10)):
        kept, anew = await asked.again(query, later)
        assert kept == anew
        assert (("peer", "late"),) in kept


async def test_a_value_written_again_replaces_what_was_computed(asked: Asked) -> None:
    labels = {"__name__": "meshkit_shards", "node": "a"}
    await asked.write(labels, (5, 1.0))
    await asked.again("meshkit_shards", _grid(0, 10))

    await asked.write(labels, (5, 2.0))
    kept, _ = await asked.again("meshkit_shards", _grid(0, 10))

    assert {value for points in kept.values() for _, value in points} == {"2.0"}


async def test_of_values_written_of_one_time_the_last_stands_in_whatever_order_they_are_read(asked: Asked) -> None:
    for value in range(40):
        await asked.write({"__name__": "meshkit_shards", "node": "c"}, (5, float(value)), (7, -float(value)))
        kept, anew = await asked.again("meshkit_shards", _grid(0, 10))

        shown = {text for points in kept.values() for _, text in points}
        assert shown == {repr(float(value)), repr(-float(value))}
        assert kept == anew


async def test_of_histograms_written_of_one_time_the_last_stands(asked: Asked) -> None:
    for count in range(1, 20):
        rows = [(START + at * MINUTE, HistogramRow(0, count, 1.0 * at, 0.1, count, positive=[])) for at in (3, 5)]
        body = write_request([({"__name__": "spread_seconds", "count": "same"}, rows)])
        await asked.stored.send("remote_write", asked.tenant, body)
        kept, anew = await asked.again("histogram_count(spread_seconds)", _grid(3, 8))

        assert {text for points in kept.values() for _, text in points} == {repr(float(count))}
        assert kept == anew


async def test_a_series_marked_as_ended_afterwards_ends(asked: Asked) -> None:
    labels = {"__name__": "meshkit_shards", "node": "b"}
    await asked.write(labels, (5, 1.0))
    await asked.again("meshkit_shards", _grid(0, 10))

    await asked.write(labels, (7, STALE))
    kept, anew = await asked.again("meshkit_shards", _grid(0, 10))

    assert kept == anew
    assert [at for points in kept.values() for at, _ in points] == [START + 5 * MINUTE, START + 6 * MINUTE]


async def test_what_others_write_does_not_show(asked: Asked) -> None:
    await asked.again("relay_requests_total", _grid(0, 10))

    await asked.stored.samples(asked.stored.tenant(), _peer("osaka"), [(START, 1.0)])
    kept, anew = await asked.again("relay_requests_total", _grid(0, 11))

    assert kept == anew


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("up", True),
        ("up offset 5m", True),
        ("rate(up[5m:1m] offset 1m)", True),
        ("up + time()", True),
        ("up offset -5m", False),
        ("rate(up[5m] offset -5m)", False),
        ("max_over_time(up[5m:1m] offset -1m)", False),
        ("up @ 100", False),
        ("sum(up @ end())", False),
        ("max_over_time(up[5m:1m] @ start())", False),
        ("max_over_time((up @ 1)[5m:1m])", False),
        ("rate(up[5m] smoothed)", False),
        ("up + step()", False),
    ],
)
def test_steps_are_kept_only_if_each_depends_on_itself_and_the_past(query: str, expected: bool) -> None:
    assert can_be_continued(parse(query)) is expected


async def test_a_query_for_more_than_is_kept_is_answered_all_the_same(stored: Stored) -> None:
    promql = PromQL(ToldSource(stored.engine, OPTIONS), PromQLOptions(max_cached_points=5))
    asked = Asked(stored, promql, stored.tenant())
    await asked.write(_peer("osaka"), (0, 1.0), (10, 2.0))

    for query in ("relay_requests_total", "relay_requests_total * 2"):
        await asked.again(query, _grid(0, 10))
        assert await asked.reused(query, _grid(0, 10)) == 0
        assert await asked.reused(query, _grid(0, 1)) == 0
        assert await asked.reused(query, _grid(0, 2)) == 2
