"""The part promql: what it sends, how it asks, and how it compares."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import pytest
from bench.bodies.samples import STEP_MS, varint
from bench.queries import report
from bench.queries.agreement import Unreadable, agree, read, relative
from bench.queries.client import Browser, Connection, NoAnswer, Request
from bench.queries.fleet import (
    BOUNDS,
    COUNTER,
    GAUGE,
    HISTOGRAM,
    INFO,
    PEER_STEPS,
    PEER_UP,
    Fleet,
    rounds,
    varint_bytes,
)
from bench.queries.measure import RUNS, Asked, NotTaken, QueryFigures, send
from bench.queries.questions import PANELS, STEP_S, dashboard, questions
from bench.queries.run import fleet_of
from bench.report import Machine, publish
from bench.server import HOST
from bench.transports import Target
from tests.bench.wire import samples_in

FLEET = Fleet(shards=2, seconds=600, lead_seconds=150, end_s=1_790_000_040)
Series = dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]


@pytest.fixture(scope="module")
def sent() -> Series:
    """All that is sent of a small fleet: (time in ms, value) by labels."""
    found: Series = {}
    for together in rounds(FLEET, lanes=3):
        for body in together:
            for labels, value, time_ms in samples_in(body):
                found.setdefault(tuple(labels.items()), []).append((time_ms, value))
    return found


def _named(sent: Series, name: str) -> Series:
    return {labels: points for labels, points in sent.items() if dict(labels)["__name__"] == name}


def test_a_fleet_has_as_many_series_and_samples_as_claimed(sent: Series) -> None:
    peers = _named(sent, PEER_UP)

    assert len(sent) == FLEET.series + FLEET.peers
    assert sum(map(len, sent.values())) == FLEET.samples
    assert {len(points) for points in peers.values()} == {PEER_STEPS}
    assert len({value for labels in sent for name, value in labels if name == "peer"}) == FLEET.peers == len(peers)


@pytest.mark.parametrize(
    ("quick", "series", "samples"),
    [
        pytest.param(False, 10_000, 10_000 * 1520 + 80_000, id="in full 10,000 series of 6 hours and 20 minutes"),
        pytest.param(True, 1_000, 1_000 * 320 + 8_000, id="quickly 1,000 series of 1 hour and 20 minutes"),
    ],
)
def test_the_fleet_is_as_large_as_the_report_says_and_ends_at_the_last_whole_minute(
    quick: bool, series: int, samples: int
) -> None:
    fleet = fleet_of(quick, now_s=1_790_000_099.5)

    assert (fleet.series, fleet.samples, fleet.end_s) == (series, samples, 1_790_000_040)


def test_series_come_in_order_15_s_apart_and_never_on_a_step(sent: Series) -> None:
    for labels, points in sent.items():
        times = [time_ms for time_ms, _ in points]

        assert [name for name, _ in labels] == sorted(name for name, _ in labels)
        assert {later - earlier for earlier, later in pairwise(times)} == {STEP_MS}
        assert times[-1] % STEP_MS != 0
        assert FLEET.end_s * 1000 - STEP_MS < times[-1] < FLEET.end_s * 1000
        if dict(labels)["__name__"] != PEER_UP:
            assert FLEET.start_ms < times[0] < FLEET.start_ms + STEP_MS


def test_an_instance_is_scraped_all_at_once(sent: Series) -> None:
    last: dict[str, set[int]] = {}
    for labels, points in sent.items():
        last.setdefault(dict(labels)["instance"], set()).add(points[-1][0])

    assert {len(times) for times in last.values()} == {1}
    assert len({min(times) for times in last.values()}) == FLEET.shards


@pytest.mark.parametrize("name", [COUNTER, f"{HISTOGRAM}_bucket", f"{HISTOGRAM}_count", f"{HISTOGRAM}_sum"])
def test_counters_never_fall(sent: Series, name: str) -> None:
    found = _named(sent, name)

    assert found
    for points in found.values():
        assert all(later[1] >= earlier[1] for earlier, later in pairwise(points))


def test_a_histogram_is_cumulative_and_its_last_bucket_its_count(sent: Series) -> None:
    buckets, counts = _named(sent, f"{HISTOGRAM}_bucket"), _named(sent, f"{HISTOGRAM}_count")

    for labels, count in counts.items():
        rest = {name: value for name, value in labels if name != "__name__"}
        of_bound = {
            dict(other)["le"]: points for other, points in buckets.items() if rest.items() <= dict(other).items()
        }
        assert of_bound.keys() == set(BOUNDS)
        assert of_bound["+Inf"] == count
        for lower, upper in pairwise(BOUNDS):
            assert all(low <= high for low, high in zip(of_bound[lower], of_bound[upper], strict=True))


def test_every_instance_has_one_version_to_join(sent: Series) -> None:
    infos = [dict(labels) for labels in _named(sent, INFO)]

    assert sorted(info["instance"] for info in infos) == sorted({dict(labels)["instance"] for labels in sent})
    assert {value for points in _named(sent, INFO).values() for _, value in points} == {1.0}
    assert _named(sent, GAUGE)


def test_the_same_seed_makes_the_same_bodies() -> None:
    assert list(rounds(FLEET, lanes=2)) == list(rounds(FLEET, lanes=2))


def test_times_are_varints_of_6_bytes() -> None:
    times = np.array([1_072_915_200_000, 1_790_000_000_123, (1 << 42) - 1], dtype=np.int64)

    assert [bytes(row) for row in varint_bytes(times)] == [varint(int(time)) for time in times]


def test_each_question_has_a_title_and_times_of_its_own() -> None:
    asked = questions(FLEET)

    assert len({question.title for question in asked}) == len(asked)
    assert len(dashboard(FLEET, FLEET.end_s)) == len(PANELS) == 12
    assert {(r.params["start"], r.params["end"], r.params["step"]) for r in dashboard(FLEET, FLEET.end_s - STEP_S)} == {
        (str(FLEET.end_s - 660), str(FLEET.end_s - 60), "60")
    }
    assert asked[0].request.without_cached_results().params["nocache"] == "1"


def _answer(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> bytes:
    result = [{"metric": metric, "values": values} for metric, values in series]
    return orjson.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


A, B = {"shard": "a"}, {"shard": "b"}
PAIR = _answer((A, [(60, "1"), (120, "2")]), (B, [(60, "3"), (120, "NaN")]))


@pytest.mark.parametrize(
    ("ours", "compared", "holds"),
    [
        pytest.param(PAIR, "series", True, id="the same"),
        pytest.param(
            _answer((B, [(60.0, "3.000001"), (120, "NaN")]), (A, [(60, "1"), (120, "2")])),
            "series",
            True,
            id="the same in another order, within the tolerance",
        ),
        pytest.param(
            _answer((A, [(60, "1"), (120, "2.0001")]), (B, [(60, "3"), (120, "NaN")])),
            "series",
            False,
            id="a value beyond the tolerance",
        ),
        pytest.param(
            _answer((A, [(60, "1"), (120, "2")]), (B, [(60, "3"), (120, "5")])),
            "series",
            False,
            id="a number where there is none",
        ),
        pytest.param(_answer((A, [(60, "1"), (120, "2")]), (B, [(60, "3")])), "series", False, id="a point is missing"),
        pytest.param(
            _answer((B, [(60, "1"), (120, "2")]), (A, [(60, "3"), (120, "NaN")])),
            "series",
            False,
            id="values under each other's labels",
        ),
        pytest.param(
            _answer((B, [(60, "1"), (120, "2")]), (A, [(60, "3"), (120, "NaN")])),
            "step",
            True,
            id="by step labels may be exchanged",
        ),
    ],
)
def test_answers_agree_when_every_point_does(ours: bytes, compared: str, holds: bool) -> None:
    assert agree(ours, PAIR, "step" if compared == "step" else "series").holds is holds


def test_what_is_missing_and_what_is_more_is_counted() -> None:
    found = agree(_answer((A, [(60, "1"), (180, "2")])), _answer((A, [(60, "1"), (120, "4")])), "series")

    assert (found.points, found.missing, found.extra, found.worst) == (2, 1, 1, 0.0)
    assert found.total == pytest.approx(0.4)


def test_a_server_s_metrics_of_itself_are_not_compared() -> None:
    own = {"__name__": "process_cpu_seconds_total"}

    assert len(read(_answer((own, [(60, "1")]), ({"__name__": COUNTER}, [(60, "2")])))) == 1


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        pytest.param(math.nan, math.nan, 0.0, id="neither a number"),
        pytest.param(math.inf, math.inf, 0.0, id="the same infinity"),
        pytest.param(math.inf, -math.inf, math.inf, id="opposite infinities"),
        pytest.param(1.0, math.nan, math.inf, id="one a number"),
        pytest.param(0.0, -0.0, 0.0, id="zeros of both signs"),
        pytest.param(-2.0, 2.0, 2.0, id="opposite signs"),
        pytest.param(3.0, 4.0, 0.25, id="a quarter of the larger"),
    ],
)
def test_a_difference_is_a_share_of_the_larger(ours: float, theirs: float, expected: float) -> None:
    assert relative(ours, theirs) == expected


def test_label_values_are_compared_as_a_set() -> None:
    values = orjson.dumps({"status": "success", "data": ["b", "a"]})

    assert agree(values, orjson.dumps({"status": "success", "data": ["a", "b"]}), "series").holds


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"data": null}', b'{"data": {"result": [{}]}}'])
def test_what_is_no_answer_is_told(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


@asynccontextmanager
async def _web(status: str = "200 OK", body: bytes = b"{}") -> AsyncIterator[tuple[int, list[str]]]:
    """Serve *body* to every request; yield the port, and the first lines of what was asked."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            asked.append(head.split("\r\n")[0])
            if "Content-Length: " in head:
                await reader.readexactly(int(head.split("Content-Length: ")[1].split("\r\n")[0]))
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return ""


async def test_a_connection_is_kept_and_its_answers_are_whole() -> None:
    body = b"x" * 3_000_000
    async with _web(body=body) as (port, asked):
        connection = Connection(port)
        replies = [await connection.ask(Request("/api/v1/query", {"query": "a + b"})) for _ in range(2)]
        connection.close()

    assert [reply.body for reply in replies] == [body, body]
    assert asked == ["GET /api/v1/query?query=a+%2B+b HTTP/1.1"] * 2


async def test_a_refusal_is_told_with_its_status() -> None:
    async with _web("404 Not Found", b"no such page") as (port, _):
        connection = Connection(port)
        with pytest.raises(NoAnswer, match="status 404: no such page"):
            await connection.ask(Request("/api/v1/query", {}))
        connection.close()


async def test_a_server_that_is_gone_is_told() -> None:
    async with _web() as (port, _):
        pass
    with pytest.raises(NoAnswer, match="connection"):
        await Connection(port).ask(Request("/api/v1/query", {}))


async def test_a_browser_asks_everything_once() -> None:
    requests = [Request(f"/{number}", {}) for number in range(12)]
    async with _web() as (port, asked), Browser(port, connections=6) as browser:
        assert await browser.ask_all(requests) > 0

    assert sorted(asked) == sorted(f"GET /{number}? HTTP/1.1" for number in range(12))


async def test_a_browser_tells_of_a_refusal() -> None:
    async with _web("500 Internal Server Error") as (port, _), Browser(port, connections=2) as browser:
        with pytest.raises(NoAnswer, match="status 500"):
            await browser.ask_all([Request("/", {})] * 4)


@pytest.mark.parametrize(
    ("status", "refused"),
    [pytest.param("204 No Content", False, id="taken"), pytest.param("400 Bad Request", True, id="refused")],
)
async def test_rounds_are_sent_until_one_is_refused(status: str, refused: bool) -> None:
    told: list[tuple[str, float, float | None]] = []
    async with _web(status, b"") as (port, asked):
        sending = send(
            Target("http", HOST, port, "/api/v1/write", {}),
            [[b"1", b"2"], [b"3"]],
            lambda phase, done, total: told.append((phase, done, total)),
        )
        if refused:
            with pytest.raises(NotTaken, match="400"):
                await sending
        else:
            await sending
    assert (len(asked), told) == ((2, []) if refused else (3, [("load", 1, 2), ("load", 2, 2)]))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(Asked("q", [0.002] * RUNS, 0.001), ("2.0 (2.0)", "1.0"), id="all runs"),
        pytest.param(Asked("q", [1.5, 2.5, 1.0], 0.5), ("1,500 (1,000, 3 runs)", "500"), id="fewer runs are told"),
        pytest.param(Asked("q", problem="status 404: x"), ("no answer (status 404)", "-"), id="no answer"),
        pytest.param(Asked("q"), ("-", "-"), id="not asked"),
    ],
)
def test_a_question_s_cells_are_its_median_and_least(asked: Asked, expected: tuple[str, str]) -> None:
    assert report.cells(asked) == expected


def test_the_report_says_who_answered_and_whether_they_agree(tmp_path: Path) -> None:
    question = questions(FLEET)[0].title
    silent = QueryFigures("backbone", "1", asked=[Asked(question, problem="status 404: Not Found")])
    figures = [silent, QueryFigures("prometheus", "2", asked=[Asked(question, [0.01] * RUNS, 0.02)])]
    other = _answer((A, [(60, "1")]))
    compared = list(report.agreements(FLEET, {"backbone": {question: other}, "prometheus": {question: PAIR}}))
    date = datetime(2026, 11, 24, tzinfo=UTC)
    text = report.markdown(figures, FLEET, compared, Machine.this(), ["a note"], date)
    path = publish("promql", report.content(figures, compared), Machine.this(), text, date, tmp_path)

    assert f"| {question} | no answer (status 404) | - | 10.0 (10.0) | 20.0 |" in text
    assert "**DIFFERS**" in compared[0]
    assert "3 of 4 points missing" in compared[0]
    assert "backbone: 1 questions without answer" in text
    assert text.endswith("- a note\n")
    assert {cells.count("|") for cells in text.splitlines() if cells.startswith("|")} == {6}
    assert orjson.loads(path.with_suffix(".json").read_bytes())["figures"][1]["asked"][0]["title"] == question
