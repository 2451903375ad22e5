"""What a crash in the middle of an insert may leave, laid by hand, and what a resent request makes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from backbone.receive.envelope import digest
from backbone.store.engine import Statement
from tests.conftest import Server, StartServer
from tests.robustness.bodies import PATHS, Items, Kind, body
from tests.robustness.mutate import PROTOBUF


async def _send(server: Server, kind: Kind, content: bytes) -> int:
    answer = await server.http.post(PATHS[kind], content=content, headers={"content-type": PROTOBUF})
    return answer.status_code


async def test_delta_whose_sample_a_crash_lost_is_added_when_it_is_sent_again(start_server: StartServer) -> None:
    first = body(Items("deltas", 9, 0, 1))
    await asyncio.sleep(0.01)  # samples are told apart by milliseconds
    second = body(Items("deltas", 9, 1, 1))
    async with start_server() as server:
        assert await _send(server, "deltas", first) == 200
        assert await _send(server, "deltas", second) == 200
        newest = "SELECT max(time) FROM samples WHERE fp IN (SELECT fp FROM totals)"
        await server.backbone.engine.command(
            Statement(f"DELETE FROM samples WHERE time = ({newest}) AND fp IN (SELECT fp FROM totals)")
        )
    async with start_server() as server:
        assert await _send(server, "deltas", second) == 200
        values = await server.rows(
            "SELECT DISTINCT value FROM samples WHERE fp IN (SELECT fp FROM totals) ORDER BY value"
        )

    assert values == [{"value": 1.0}, {"value": 2.0}]


@pytest.mark.parametrize("kind", ["traces", "logs"])
@pytest.mark.parametrize("restarts", [1, 3])
async def test_request_stored_unanswered_is_known_after_any_number_of_crashes(
    start_server: StartServer, tmp_path: Path, kind: Kind, restarts: int
) -> None:
    table = {"traces": "spans", "logs": "logs"}[kind]
    content = body(Items(kind, 9, 0, 5))
    async with start_server() as server:
        assert await _send(server, kind, content) == 200
        [row] = await server.rows(f"SELECT DISTINCT toUnixTimestamp64Nano(received) AS at FROM {table}")
    note = row["at"].to_bytes(8) + digest(content, "anonymous")
    (tmp_path / "data" / "notes" / f"{kind}.notes").write_bytes(note)

    for number in range(restarts):
        async with start_server() as server:
            assert await _send(server, kind, body(Items(kind, 9, 5 * (number + 1), 5))) == 200
    async with start_server() as server:
        assert await _send(server, kind, content) == 200
        items = 5 * (restarts + 1)
        assert await server.rows(f"SELECT count() AS items FROM {table}") == [{"items": items}]


SAMPLED = """
sample:
  traces: {tail: {wait: 1m, policies: [{kind: error}]}}
  logs: {rules: [{name: quiet, match: {severity_below: error}, drop: true}]}
"""


@pytest.mark.parametrize("lost", ["logs", "logs_waiting"])
async def test_records_of_a_group_half_written_to_two_tables_are_taken_out_and_stored_when_sent_again(
    start_server: StartServer, tmp_path: Path, lost: str
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(SAMPLED)
    content = _mixed_records()
    async with start_server(policy__file=str(policy)) as server:
        assert await _send(server, "logs", content) == 200
        rows = await server.rows("SELECT toUnixTimestamp64Nano(received) AS at FROM logs")
        await server.backbone.engine.command(Statement(f"TRUNCATE TABLE {lost}"))
    note = rows[0]["at"].to_bytes(8) + digest(content, "anonymous")
    (tmp_path / "data" / "notes").mkdir(exist_ok=True)
    (tmp_path / "data" / "notes" / "logs.notes").write_bytes(note)

    async with start_server(policy__file=str(policy)) as server:
        left = "SELECT (SELECT count() FROM logs) AS logs, (SELECT count() FROM logs_waiting) AS waiting"
        assert await server.rows(left) == [{"logs": 0, "waiting": 0}]
        assert await _send(server, "logs", content) == 200
        assert await server.rows(left) == [{"logs": 1, "waiting": 1}]


async def test_request_whose_spans_were_left_out_is_known_when_it_comes_again(
    start_server: StartServer, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(SAMPLED)
    content = body(Items("traces", 9, 0, 5))
    async with start_server(policy__file=str(policy)) as server:
        assert await _send(server, "traces", content) == 200
        notes = (tmp_path / "data" / "notes" / "traces.notes").read_bytes()
        await server.backbone.engine.command(Statement("TRUNCATE TABLE spans_waiting"))
    (tmp_path / "data" / "notes" / "traces.notes").write_bytes(notes)

    async with start_server(policy__file=str(policy)) as server:
        assert await _send(server, "traces", content) == 200
        assert await server.rows("SELECT count() AS spans FROM spans_waiting") == [{"spans": 0}]


def _mixed_records() -> bytes:
    """Return a request with a record that is kept and one that waits for its trace."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    scope.log_records.add(severity_number=17)
    scope.log_records.add(severity_number=9, trace_id=b"0123456789abcdef")
    return request.SerializeToString()
