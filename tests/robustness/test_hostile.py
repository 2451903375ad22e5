"""Each hostile request by its name: refused for what it is or stored, with a sound one beside it in the same group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

import httpx
import pytest

from tests.conftest import Server, StartServer
from tests.robustness import hostile
from tests.robustness.bodies import PATHS, Items, Kind, body, snappy
from tests.robustness.mutate import PROTOBUF

_FIELDS: dict[Kind, Callable[[], Iterable[tuple[str, bytes]]]] = {
    "traces": hostile.traces,
    "logs": hostile.logs,
    "gauges": hostile.metrics,
    "remote_write": hostile.remote_write,
}
_SOUND = {
    "traces": "SELECT count() AS items FROM spans WHERE service = 'sender-9'",
    "logs": "SELECT count() AS items FROM logs WHERE service = 'sender-9'",
    "gauges": "SELECT uniq(fp) AS items FROM series WHERE labels['job'] = 'sender-9' AND metric = 'robust_gauge'",
    "remote_write": "SELECT uniq(fp) AS items FROM series WHERE labels['job'] = 'sender-9'",
}


def _requests(kind: Kind) -> Iterator[tuple[str, bytes]]:
    for name, content in (*_FIELDS[kind](), *hostile.any_signal()):
        yield name, snappy(content) if kind == "remote_write" else content


async def _post(server: Server, kind: Kind, content: bytes) -> httpx.Response:
    return await server.http.post(PATHS[kind], content=content, headers={"content-type": PROTOBUF})


@pytest.mark.parametrize("kind", _FIELDS)
async def test_hostile_requests_harm_nobody_beside_them(start_server: StartServer, kind: Kind) -> None:
    async with start_server(commit__linger="300ms") as server:
        named = list(_requests(kind))
        hostiles = [_post(server, kind, content) for _, content in named]
        sound = [_post(server, kind, body(Items(kind, 9, 5 * number, 5))) for number in range(8)]
        answers = await asyncio.gather(*hostiles, *sound)

        refused = {name: answer.status_code for (name, _), answer in zip(named, answers, strict=False)}
        assert {name: code for name, code in refused.items() if code not in {200, 204, 400}} == {}
        assert {answer.status_code for answer in answers[len(named) :]} <= {200, 204}
        assert await server.rows(_SOUND[kind]) == [{"items": 40}]


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        pytest.param("traces", "span at 9223372036854775808", "start_time_unix_nano: expected nanoseconds", id="late"),
        pytest.param("traces", "span id of 0", "span.span_id: expected 8 bytes", id="empty span id"),
        pytest.param("traces", "a span on each of 300 days", "at most 100 different days", id="too many days"),
        pytest.param("traces", "tenant smuggled", "field 1000 is reserved", id="tenant smuggled"),
        pytest.param("traces", "envelope swallowed", "expected a protobuf message", id="envelope swallowed"),
        pytest.param("logs", "record observed at 18446744073709551615", "observed_time_unix_nano", id="late record"),
        pytest.param(
            "gauges", "1 buckets of 1 bounds", "expected one more than explicit_bounds", id="uneven histogram"
        ),
        pytest.param("gauges", "exponential of scale 2147483647 from 0", "scale: expected -4 to 20", id="scale"),
        pytest.param("gauges", "exemplar with trace id of 17", "exemplar.trace_id: expected 16 bytes", id="exemplar"),
        pytest.param("gauges", "no name", "series without a metric name", id="metric without a name"),
        pytest.param("remote_write", "a label twice", "label given twice", id="label twice"),
        pytest.param("remote_write", "a name twice", "label given twice", id="name twice"),
        pytest.param("remote_write", "no name", "series without a metric name", id="series without a name"),
        pytest.param("remote_write", "a label that is not UTF-8", "label value that is not UTF-8", id="not UTF-8"),
        pytest.param(
            "remote_write", "sample at -1", "sample.timestamp: expected milliseconds from 1970", id="before 1970"
        ),
    ],
)
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a group"])
async def test_refusal_names_the_place(
    start_server: StartServer, kind: Kind, name: str, reason: str, alone: bool
) -> None:
    async with start_server(commit__linger="0s" if alone else "300ms") as server:
        wrong = _post(server, kind, dict(_requests(kind))[name])
        beside = [] if alone else [_post(server, kind, body(Items(kind, 9, 0, 5)))]
        answers = await asyncio.gather(wrong, *beside)

        assert answers[0].status_code == 400
        assert reason in answers[0].text
        assert {answer.status_code for answer in answers[1:]} <= {200, 204}
