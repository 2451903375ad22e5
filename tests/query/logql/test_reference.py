"""Random queries over random lines find what a slow reading of them finds."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from backbone.model.time import now_ns
from backbone.query.logql.ast import LogQuery, MetricQuery
from backbone.query.logql.columns import label_columns
from backbone.query.logql.engine import LogQL, LogQLOptions
from backbone.query.logql.lines import Window
from backbone.query.logql.parser import parse
from backbone.query.promql.values import Grid
from backbone.store.engine import QueryLimits, Statement
from tests.query.logql.reference import Item, lines, numbers
from tests.stored import Stored, record, text

_MS = now_ns() // 10**6 // 60_000 * 60_000 - 600_000
_WORDS = [
    *("peer", "lost", "Timeout", "queue", "é", "[ERR]", "10.0.0.7", "took=12ms", "a=b=c", 'say="hi there"'),
    "\x1b[31mred\x1b[0m",
]
_TEXTS = ["", "x", "A b", "200", "12.5", "1.5s", "250ms", "2KB", "1.5KiB", "true", "é\n", 'q"t', "5e3", "-3", "abc"]
_STAGES = """
|= "peer"
!= "lost"
|~ "(?i)timeout|err"
!~ "[0-9]{2}"
|= "peer" or "queue"
| decolorize
| json
| logfmt
| regexp "(?P<w>[a-z]+) (?P<v>.)"
| pattern "<first> <second> <_>"
| line_format `{{.w}}-{{.status | ToUpper}}`
| status >= 200
| took > 100ms
| size < 2KB
| status = "200"
| queue_name != "q1"
| w =~ "p.*"
| n == 5
| http_code > 1
| label_format c=status
| label_format d="<{{.queue_name}}>"
| drop status, queue_name
| keep status, w
| keep status="200"
| __error__ = ""
| distinct status
| status="200" or took > 1s
| queue_name="q0" and w != ""
""".strip().splitlines()
_RANGES = """
count_over_time({} [2m])
count_over_time({} [61s])
rate({} [90s])
bytes_over_time({} [1m])
bytes_rate({} [3m] offset 1m)
sum_over_time({} | unwrap status | __error__="" [2m])
rate({} | unwrap status | __error__="" [2m])
avg_over_time({} | unwrap status | __error__="" [2m]) by (queue_name)
max_over_time({} | unwrap duration(took) | __error__="" [2m])
min_over_time({} | unwrap bytes(size) | __error__="" [1m]) without (w)
first_over_time({} | unwrap status | __error__="" [4m]) by (queue_name)
last_over_time({} | unwrap status | __error__="" [1m]) by ()
stddev_over_time({} | unwrap status | __error__="" [3m]) by (service_name)
stdvar_over_time({} | unwrap status | __error__="" [3m]) by ()
quantile_over_time(0.3, {} | unwrap status | __error__="" [5m]) by (w)
""".strip().splitlines()
_SELECTORS = ['{service_name=~".+"}', '{service_name="relay"}', '{service_name=~"m.*", queue_name=~"q[01]"}']


def _line(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.4:
        names = chance.sample(
            ["status", "took", "size", "w", "n", "queue.name", "http", "list"], chance.randrange(1, 6)
        )
        fields: dict[str, object] = {name: chance.choice([*_TEXTS, 5, 200, 2.5, True, None]) for name in names}
        if "http" in fields:
            fields["http"] = {"code": chance.choice([5, "x", 404]), "deep": {"er": "y"}}
        if "list" in fields:
            fields["list"] = [1, {"a": 2}]
        return json.dumps(fields, ensure_ascii=chance.random() < 0.5)
    if kind < 0.7:
        names = chance.sample(["status", "took", "size", "w", "n"], chance.randrange(1, 5))
        return " ".join(f"{name}={chance.choice(['200', '1.5s', '2KB', 'ok', ''])}" for name in names)
    return " ".join(chance.choices(_WORDS, k=chance.randrange(1, 7)))


def _items(chance: random.Random) -> list[Item]:
    levels = {9: "info", 17: "error"}
    found = []
    for number in range(60):
        severity = chance.choice([9, 17])
        metadata = {"detected_level": levels[severity], "severity_number": str(severity)}
        if chance.random() < 0.6:
            metadata["queue_name"] = f"q{chance.randrange(3)}"
        service = chance.choice(["relay", "mesh", "mail"])
        # No two at a time, so that their order is known; none at the edge of a range.
        at = (_MS + chance.randrange(600) * 1_000) * 10**6 + 1_000 * number + 777
        found.append(Item(at, _line(chance), {"service_name": service}, metadata))
    return found


async def _store(stored: Stored, tenant: str, items: Sequence[Item]) -> None:
    for item in items:
        attributes = [text("queue.name", item.metadata["queue_name"])] if "queue_name" in item.metadata else []
        severity = int(item.metadata["severity_number"])
        one = record(item.line, at_ns=item.time_ns, severity=severity, attributes=attributes)
        await stored.logs(tenant, item.stream["service_name"], one)


@dataclass(frozen=True, slots=True)
class Seeded:
    tenant: str
    items: list[Item]
    logql: LogQL


@pytest.fixture(scope="module", params=["attributes in maps only", "attributes with columns"])
def seeded(stored: Stored, request: pytest.FixtureRequest) -> Iterator[Seeded]:
    items = _items(random.Random(5))
    columns = label_columns(stored.engine)
    tenant = stored.tenant()

    async def store() -> None:
        await _store(stored, tenant, items[:30])
        if request.param == "attributes with columns":
            # What is stored already has its texts in maps only, unless a merge comes.
            await stored.engine.command(Statement("SYSTEM STOP MERGES logs"))
            await columns.add(stored.engine, "queue_name", "status", "w")
        await _store(stored, tenant, items[30:])

    asyncio.run(store())
    yield Seeded(tenant, items, LogQL(stored.engine, QueryLimits(), LogQLOptions()))
    columns.names = frozenset()


def _pipeline(chance: random.Random) -> str:
    return " ".join([chance.choice(_SELECTORS), *chance.choices(_STAGES, k=chance.randrange(6))])


@pytest.mark.parametrize("seed", range(100))
async def test_lines(seeded: Seeded, seed: int) -> None:
    chance = random.Random(seed)
    query = parse(_pipeline(chance))
    assert isinstance(query, LogQuery)
    forward = chance.random() < 0.5
    window = Window(_MS * 10**6, (_MS + 600_000) * 10**6, 1_000, forward)

    found = await seeded.logql.lines(seeded.tenant, query, window)

    expected = [
        (state.item.time_ns, state.line, {name: value for name, value in sorted(state.labels.items()) if value})
        for state in lines(query, seeded.items, forward=forward)
    ]
    assert [(line.time_ns, line.text, line.labels) for line in found] == expected


def _numbers_asked(chance: random.Random) -> MetricQuery:
    pipeline = _pipeline(chance).replace("| distinct status", "")
    query = parse(chance.choice(_RANGES).replace("{}", pipeline + ' | __error__=""', 1))
    assert isinstance(query, MetricQuery)
    return query


async def _agree(seeded: Seeded, query: MetricQuery, grid: Grid) -> None:
    [(_, leaf)] = query.leaves
    expected = numbers(leaf, seeded.items, grid.times.tolist())
    answer = await seeded.logql.numbers(seeded.tenant, query, grid)

    found = {
        tuple(points.labels.items()): dict(zip(points.times.tolist(), points.values.tolist(), strict=True))
        for points in answer.series
    }
    assert found.keys() == expected.keys()
    for labels, values in expected.items():
        assert found[labels] == pytest.approx(values, rel=1e-9, abs=1e-9), labels


@pytest.mark.parametrize("seed", range(100))
async def test_numbers(seeded: Seeded, seed: int) -> None:
    chance = random.Random(1_000 + seed)
    query = _numbers_asked(chance)
    grid = Grid(_MS + 120_000, _MS + 560_000, chance.choice([20_000, 60_000, 90_000, 7_000]))

    await _agree(seeded, query, grid)


@pytest.mark.parametrize("seed", range(60))
async def test_numbers_of_one_time(seeded: Seeded, seed: int) -> None:
    chance = random.Random(2_000 + seed)
    query = _numbers_asked(chance)
    at = _MS + chance.choice([60_000, 121_001, 300_000, 599_999, 700_000])

    await _agree(seeded, query, Grid(at, at, chance.choice([0, 60_000])))
