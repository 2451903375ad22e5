"""Live tails over a real WebSocket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.conftest import Server
from tests.stored import of, record


async def _send(server: Server, *lines: str) -> None:
    data = LogsData()
    data.resource_logs.add(resource=of("relay")).scope_logs.add(log_records=[record(line) for line in lines])
    headers = {"Content-Type": "application/x-protobuf"}
    answer = await server.http.post("/v1/logs", content=data.SerializeToString(), headers=headers)
    assert answer.status_code == 200


def _lines(message: dict[str, Any]) -> list[str]:
    return sorted(line for stream in message["streams"] for _, line in stream["values"])


async def test_lines_are_sent_once_each_as_they_come_in(server: Server) -> None:
    await _send(server, "before lost", "before found")
    url = f"ws://127.0.0.1:{server.http_port}/loki/api/v1/tail?query=%7Bservice_name%3D%22relay%22%7D%20%7C%3D%20%22lost%22"

    async with asyncio.timeout(30), connect(url) as socket:
        first = json.loads(await socket.recv())
        await _send(server, "one lost", "one found")
        await _send(server, "two lost")
        got: list[str] = []
        while len(got) < 2:
            got += _lines(json.loads(await socket.recv()))
        await _send(server, "three lost")
        last = json.loads(await socket.recv())

    assert _lines(first) == ["before lost"]
    assert first["streams"][0]["stream"]["service_name"] == "relay"
    assert sorted(got) == ["one lost", "two lost"]
    assert _lines(last) == ["three lost"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("query=%7B", "parse error at line 1, col 2"),
        ("query=%7Ba%3D%22b%22%7D&delay_for=9", "'delay_for': expected 0 to 5"),
    ],
)
async def test_a_tail_that_cannot_be_is_closed_with_its_reason(server: Server, given: str, said: str) -> None:
    async with asyncio.timeout(30), connect(f"ws://127.0.0.1:{server.http_port}/loki/api/v1/tail?{given}") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert said in closed.value.rcvd.reason
