"""The commands that ask, against a real server."""

from __future__ import annotations

import asyncio
import json

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Status, TracesData
from typer.testing import CliRunner, Result

from backbone.cli import cli
from backbone.cli.draw import bar, sparkline
from tests.conftest import Server, free_port
from tests.stored import ago_ns, of, record, span

_PROTOBUF = {"Content-Type": "application/x-protobuf"}


async def _run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, cli, arguments)


async def _sent(server: Server) -> None:
    root = span("abc", "checkout", at_ns=ago_ns(5), ms=100, identity=1)
    child = span("abc", "pay", at_ns=root.start_time_unix_nano + 50_000_000, ms=50, identity=2)
    child.parent_span_id = root.span_id
    child.status.code = Status.STATUS_CODE_ERROR
    traces = TracesData(
        resource_spans=[ResourceSpans(resource=of("shop"), scope_spans=[ScopeSpans(spans=[child, root])])]
    )
    logs = LogsData()
    logs.resource_logs.add(resource=of("shop")).scope_logs.add(log_records=[record("disk [full]", severity=17)])
    for path, data in (("/v1/traces", traces), ("/v1/logs", logs)):
        answer = await server.http.post(path, content=data.SerializeToString(), headers=_PROTOBUF)
        assert answer.status_code == 200


async def test_commands_print_tables_for_people_and_lines_for_programs(server: Server) -> None:
    await _sent(server)
    at = ("--http", f"127.0.0.1:{server.http_port}")

    found = await _run("query", "traces", "--service", "shop", "--error", *at)
    by_traceql = await _run("query", "traces", "{ name = `pay` && status = error }", *at)
    by_logql = await _run("query", "logs", '{service_name="shop"} |= "[full]"', *at)
    drawn = await _run("query", "traces", "abc", *at)
    logs = await _run("query", "logs", "full", "--severity", "warn", *at)
    as_json = await _run("query", "logs", "--json", *at)
    sql = await _run("query", "sql", "SELECT name, duration_ns FROM spans ORDER BY name", "--json", *at)
    table = await _run("query", "sql", "SELECT name FROM spans ORDER BY name LIMIT 1", *at)
    top = await _run("top", "--once", *at)

    assert "checkout" in found.stdout
    assert "100ms" in found.stdout
    assert by_traceql.stdout == found.stdout
    assert "disk [full]" in by_logql.stdout
    first, second = drawn.stdout.splitlines()
    assert first.startswith("shop checkout")
    assert first.rstrip().endswith("█" * 32)
    assert second.startswith("  shop pay")
    assert second.rstrip().endswith(" " + "█" * 16)
    assert "error shop disk [full]" in logs.stdout
    assert [json.loads(line)["body"] for line in as_json.stdout.splitlines()] == ["disk [full]"]
    assert [json.loads(line) for line in sql.stdout.splitlines()] == [
        {"name": "checkout", "duration_ns": 100_000_000},
        {"name": "pay", "duration_ns": 50_000_000},
    ]
    assert "checkout" in table.stdout
    assert "traces" in top.stdout
    assert "lag of logs" in top.stdout


async def test_a_refusal_is_printed_and_ends_with_one(server: Server) -> None:
    answer = await _run("query", "metrics", "up{", "--http", f"127.0.0.1:{server.http_port}")

    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr == "1:4: parse error: unexpected end of input inside braces\n"


@pytest.mark.parametrize("command", [["query", "logs"], ["top", "--once"], ["query", "sql", "SELECT 1"]])
async def test_a_server_that_is_not_there_is_said_so(command: list[str]) -> None:
    port = free_port()

    answer = await _run(*command, "--http", f"127.0.0.1:{port}")

    assert answer.exit_code == 1
    assert answer.stderr == f"nothing answers at 127.0.0.1:{port}; start it with 'backbone serve'\n"


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        pytest.param([0, 7, 3.5], 40, "▁█▅", id="from the least to the greatest"),
        pytest.param([5, 5], 40, "▁▁", id="all the same"),
        pytest.param([1, float("nan"), 2], 40, "▁ █", id="a gap"),
        pytest.param([], 40, "", id="nothing"),
        pytest.param([0, 0, 7, 7], 2, "▁█", id="more than fit are averaged"),
    ],
)
def test_a_sparkline_shows_values(values: list[float], width: int, expected: str) -> None:
    assert sparkline(values, width) == expected


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 1, "████"), (0.5, 0.5, "  ██"), (0, 0, "▏   "), (1, 0, "   ▏"), (0.25, 0.375, " █▌ ")],
)
def test_a_bar_lies_where_its_span_does(start: float, length: float, expected: str) -> None:
    assert bar(start, length, 4) == expected
