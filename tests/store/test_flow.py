"""What a start leaves as it is, and what it makes anew."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from backbone.process import Passage, Pipeline, Recall, View
from backbone.store.embedded import EmbeddedEngine, EmbeddedOptions, open_embedded
from backbone.store.engine import Engine, Statement
from backbone.store.flow import install
from backbone.store.wire import WIRES, wire

_CREATE = re.compile(r"CREATE (?:TABLE|MATERIALIZED VIEW) (\w+)")
_FIRST = View("first", "middle_in", "SELECT tenant AS x FROM wire_traces")
_SECOND = View("second", "kept", "SELECT x FROM middle_in WHERE x NOT IN seen")
_ASIDE = View("aside", "other_in", "SELECT 1 AS y FROM wire_logs")
_PASSAGES = (Passage("middle_in", "x String"), Passage("other_in", "y UInt8"))
_SEEN = Recall("seen", "x String", "Set SETTINGS persistent = 0", "SELECT x FROM kept")
_PIPELINE = Pipeline(_PASSAGES, (_FIRST, _SECOND, _ASIDE), (_SEEN,))


class _Watched:
    """An engine that keeps count of what is made and dropped."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        self._engine = engine
        self.made: list[str] = []
        self.rows = engine.rows

    async def command(self, statement: Statement) -> None:
        if made := _CREATE.match(statement.sql):
            self.made.append(made[1])
        await self._engine.command(statement)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[EmbeddedEngine]:
    async with open_embedded(tmp_path, EmbeddedOptions()) as engine:
        await engine.command(Statement("CREATE TABLE kept (x String) ENGINE = MergeTree ORDER BY x"))
        yield engine


async def _there(engine: EmbeddedEngine) -> set[str]:
    rows = await engine.rows(Statement("SELECT name FROM system.tables WHERE database = currentDatabase()"))
    return {row["name"] for row in rows}


async def _made_anew(engine: EmbeddedEngine, pipeline: Pipeline) -> set[str]:
    """Install and return the names of what was not there like that before."""
    watched = _Watched(engine)
    await install(cast("Engine", watched), pipeline)
    return set(watched.made)


async def test_a_first_start_makes_everything(engine: EmbeddedEngine) -> None:
    expected = {"middle_in", "other_in", "seen", "first", "second", "aside", *(wire(name).table for name in WIRES)}

    assert expected == await _made_anew(engine, _PIPELINE)


async def test_what_would_be_made_the_same_is_left_as_it_is(engine: EmbeddedEngine) -> None:
    await install(engine, _PIPELINE)

    assert set() == await _made_anew(engine, _PIPELINE)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param(
            replace(_PIPELINE, views=(replace(_FIRST, select="SELECT 'a' AS x FROM wire_traces"), _SECOND, _ASIDE)),
            {"first"},
            id="a view's text",
        ),
        pytest.param(
            replace(_PIPELINE, passages=(Passage("middle_in", "x LowCardinality(String)"), _PASSAGES[1])),
            {"middle_in", "first", "second"},
            id="a passage's columns: views that write and read it too",
        ),
        pytest.param(
            replace(_PIPELINE, recalls=(replace(_SEEN, engine="Set"),)),
            {"seen", "second"},
            id="a table in memory: views that look into it too",
        ),
        pytest.param(replace(_PIPELINE, recalls=(replace(_SEEN, fill=""),)), set(), id="how one is filled: nothing"),
    ],
)
async def test_what_differs_is_made_anew(engine: EmbeddedEngine, changed: Pipeline, expected: set[str]) -> None:
    await install(engine, _PIPELINE)

    assert expected == await _made_anew(engine, changed)
    assert set() == await _made_anew(engine, changed)


async def test_what_is_not_wanted_any_more_goes(engine: EmbeddedEngine) -> None:
    await install(engine, _PIPELINE)
    await install(engine, Pipeline(_PASSAGES[:1], (_FIRST,)))

    assert {"middle_in", "first", "kept", *(wire(name).table for name in WIRES)} == await _there(engine)


async def test_a_start_goes_on_where_another_was_broken_off(engine: EmbeddedEngine) -> None:
    await install(engine, _PIPELINE)
    await engine.command(Statement("DROP TABLE first, middle_in SYNC"))

    assert {"first", "middle_in"} == await _made_anew(engine, _PIPELINE)


async def test_a_view_of_the_same_name_from_a_program_that_leaves_no_marks_is_made_anew(engine: EmbeddedEngine) -> None:
    await install(engine, _PIPELINE)
    await engine.command(Statement("DROP TABLE first SYNC"))
    await engine.command(Statement(f"CREATE MATERIALIZED VIEW first TO middle_in AS {_FIRST.select}"))

    assert {"first"} == await _made_anew(engine, _PIPELINE)


async def test_tables_in_memory_are_filled_at_each_start(engine: EmbeddedEngine) -> None:
    await install(engine, _PIPELINE)
    await engine.command(Statement("INSERT INTO kept SELECT 'a'"))
    await install(engine, _PIPELINE)

    assert await engine.rows(Statement("SELECT 'a' IN seen AS seen")) == [{"seen": 1}]


async def test_rows_flow_through_views_that_were_left_after_a_start(tmp_path: Path) -> None:
    options = EmbeddedOptions()
    async with open_embedded(tmp_path, options) as engine:
        await engine.command(Statement("CREATE TABLE kept (x String) ENGINE = MergeTree ORDER BY x"))
        await install(engine, _PIPELINE)
    async with open_embedded(tmp_path, options) as engine:
        await install(engine, _PIPELINE)
        await engine.command(Statement("INSERT INTO middle_in SELECT 'a'"))

        assert await engine.rows(Statement("SELECT x FROM kept")) == [{"x": "a"}]
