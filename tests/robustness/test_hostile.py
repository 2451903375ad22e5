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


REASONS: dict[Kind, dict[str, str]] = {
    "traces": {
        "span at 9223372036854775808": "start_time_unix_nano: expected nanoseconds",
        "span id of 0": "span.span_id: expected 8 bytes",
        "a span on each of 300 days": "at most 100 different days",
        "tenant smuggled": "field 1000 is reserved",
        "envelope swallowed": "expected a protobuf message",
    },
    "logs": {"record observed at 18446744073709551615": "observed_time_unix_nano"},
    "gauges": {
        "1 buckets of 1 bounds": "expected one more than explicit_bounds",
        "exponential of scale 2147483647 from 0": "scale: expected -4 to 20",
        "exemplar with trace id of 17": "exemplar.trace_id: expected 16 bytes",
        "no name": "series without a metric name",
    },
    "remote_write": {
        "a label twice": "label given twice",
        "a name twice": "label given twice",
        "no name": "series without a metric name",
        "a label that is not UTF-8": "label value that is not UTF-8",
        "sample at -1": "sample.timestamp: expected milliseconds from 1970",
    },
}


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a group"])
@pytest.mark.parametrize("kind", REASONS)
async def test_refusal_names_the_place(start_server: StartServer, kind: Kind, alone: bool) -> None:
    named = dict(_requests(kind))
    said: dict[str, str] = {}
    async with start_server(commit__linger="0s" if alone else "300ms") as server:
        for number, name in enumerate(REASONS[kind]):
            wrong = _post(server, kind, named[name])
            beside = [] if alone else [_post(server, kind, body(Items(kind, 9, 5 * number, 5)))]
            answer, *others = await asyncio.gather(wrong, *beside)
            assert {other.status_code for other in others} <= {200, 204}
            said[name] = f"{answer.status_code} {answer.text}"

    assert {
        name: told for name, told in said.items() if not told.startswith("400 ") or REASONS[kind][name] not in told
    } == {}
