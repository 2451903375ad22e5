"""``backbone query promql`` and ``backbone test promql``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backbone.cli import cli
from backbone.cli.chart import chart
from backbone.model.time import now_ns
from tests.conftest import Server
from tests.debian import Prometheus


async def _run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner(env={"COLUMNS": "200"}).invoke, cli, arguments)


async def test_answers_are_tables_for_people_and_lines_for_programs(server: Server) -> None:
    # Of the test, not of the import: the answer looks back five minutes.
    now_ms = now_ns() // 1_000_000
    depths = [(now_ms - 300_000 + at * 15_000, float(at)) for at in range(20)]
    here = Prometheus(f"http://127.0.0.1:{server.http_port}")
    await here.write([({"__name__": "depth", "queue": "q"}, depths)])
    at = ("--http", f"127.0.0.1:{server.http_port}")

    now = await _run("query", "promql", "depth", *at)
    scalar = await _run("query", "promql", "1 + 1", *at)
    over = await _run("query", "promql", "depth", "--since", "5m", "--step", "30s", *at)
    as_json = await _run("query", "promql", "depth", "--json", *at)
    explained = await _run("query", "promql", "sum(depth)", "--explain", *at)
    informed = await _run("query", "promql", "rate(depth[5m])", *at)

    assert 'depth{queue="q"}' in now.stdout
    assert "19" in now.stdout
    assert scalar.stdout == "2\n"
    assert "▁" in over.stdout
    assert "█" in over.stdout
    assert json.loads(as_json.stdout)["metric"] == {"__name__": "depth", "queue": "q"}
    assert "SELECT" in explained.stdout
    assert "evaluate" in explained.stdout
    assert "metric might not be a counter" in informed.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up{"], 'invalid parameter "query": 1:4: parse error: unexpected end of input inside braces'),
        (["up", "--at", "1h", "--since", "1h"], "--at and --since: a query has one time or a range, not both"),
        (["up", "--since", "soon"], "--since: 'soon' is no time"),
        (["up", "--since", "1h", "--step", "0"], "zero or negative query resolution step widths"),
    ],
)
async def test_what_cannot_be_asked_is_said(server: Server, arguments: list[str], said: str) -> None:
    answer = await _run("query", "promql", *arguments, "--http", f"127.0.0.1:{server.http_port}")

    assert answer.exit_code == 1
    assert said in answer.stderr


def test_a_chart_spans_its_values_and_times() -> None:
    drawn = chart([[(0.0, 1.0), (10.0, 3.0)], [(0.0, 2.0), (10.0, 2.0)]], 20, 5)

    assert drawn is not None
    assert (drawn.low, drawn.high, drawn.start, drawn.end) == (1.0, 3.0, 0.0, 10.0)
    assert {cell.line for row in drawn.rows for cell in row} >= {0, 1}
    assert chart([[]], 20, 5) is None


_GOOD = """
load 1m
  depth{queue="q"} 0+1x5

eval instant at 5m depth
  depth{queue="q"} 5
"""


async def test_scripts_are_run_and_totals_told(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.test", tmp_path / "bad.test"
    good.write_text(_GOOD)
    bad.write_text(_GOOD + '\neval instant at 2m depth + 1\n  {queue="q"} 4\n')

    passed = await _run("test", "promql", str(good))
    failed = await _run("test", "promql", str(good), str(bad))

    assert (passed.exit_code, failed.exit_code) == (0, 1)
    assert f"{bad}:8: depth + 1: " in failed.stdout
    assert "expected" in failed.stdout
    rows = [line.split() for line in failed.stdout.splitlines()]
    assert [row[1:] for row in rows if row and row[0] in {str(good), str(bad), "all"}] == [
        ["1", "1"],
        ["2", "1", "1"],
        ["3", "2", "1"],
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("load 1x\n  a 1\n", ":1: expected a duration such as 5m or a number of seconds, got '1x'"),
        ("load 1m\n  a one\n", ":2: expected a number, '_', 'stale' or a histogram, got 'one'"),
        ('load 1m\n  a{b!="c"} 1\n', ":2: a series' labels are given with '=', got '!=' for 'b'"),
        ("load 1m\n  a 1x99999999\n", ":2: more than 1000000 points in a series"),
        ("load 1m\n  a {{schema\n", ":2: expected a"),
        ("eval instant at soon a\n", ":1: expected a duration such as 5m"),
        ("eval instant at 1m\n", ":1: expected 'load', 'clear' or 'eval instant|range …'"),
        ("eval instant at 1m a\n  expect nothing\n", ":2: unknown expectation 'expect nothing'"),
        ("dance\n", ":1: expected 'load', 'clear' or 'eval instant|range …', got 'dance'"),
    ],
)
async def test_a_script_that_cannot_be_read_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.test"
    file.write_text(text)

    answer = await _run("test", "promql", str(file), str(tmp_path / "missing.test"))

    assert answer.exit_code == 1
    assert f"{file}{said}" in answer.stderr
    assert f"{tmp_path / 'missing.test'}: No such file or directory" in answer.stderr
