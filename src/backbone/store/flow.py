"""
The tables that keep nothing and the views between them, made anew at each start from what `backbone.process` says.

They hold no data, so nothing is lost, and the newest program's and configuration's views are in force at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from backbone.store.engine import Engine, Statement
from backbone.store.wire import WIRES, wire

_FROM = re.compile(r"\bFROM (\w+)")


class Passage(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> str: ...


class View(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def select(self) -> str: ...


class Recall(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> str: ...
    @property
    def engine(self) -> str: ...
    @property
    def fill(self) -> str: ...


class Pipeline(Protocol):
    @property
    def passages(self) -> Sequence[Passage]: ...
    @property
    def views(self) -> Sequence[View]: ...
    @property
    def recalls(self) -> Sequence[Recall]: ...


async def install(engine: Engine, pipeline: Pipeline) -> None:
    """Make the wires' tables, passages, tables in memory and views anew, in place of any that were there."""
    await _clear(engine)
    for name in WIRES:
        shape = wire(name)
        await engine.command(Statement(f"CREATE TABLE {shape.table} ({shape.columns}) ENGINE = Null"))
    for passage in pipeline.passages:
        await engine.command(Statement(f"CREATE TABLE {passage.name} ({passage.columns}) ENGINE = Null"))
    for recall in pipeline.recalls:
        await engine.command(Statement(f"CREATE TABLE {recall.name} ({recall.columns}) ENGINE = {recall.engine}"))
    for view in pipeline.views:
        await engine.command(Statement(f"CREATE MATERIALIZED VIEW {view.name} TO {view.target} AS {view.select}"))
    await refill(engine, pipeline)


async def refill(engine: Engine, pipeline: Pipeline, source: str | None = None) -> None:
    """
    Fill the tables in memory from what is stored.

    After an insert that failed they may hold what did not get stored, so they are filled anew then, too; but only those
    that writing to *source* fills, since others are in use by inserts that run meanwhile.
    """
    reached = None if source is None else _reached(pipeline, source)
    for recall in pipeline.recalls:
        if reached is not None and recall.name not in reached:
            continue
        await engine.command(Statement(f"TRUNCATE TABLE {recall.name}"))
        if recall.fill:
            await engine.command(Statement(f"INSERT INTO {recall.name} {recall.fill}"))


def _reached(pipeline: Pipeline, source: str) -> set[str]:
    """Return all tables that views fill, directly or one after the other, when *source* is written to."""
    reached = {source}
    while True:
        further = {view.target for view in pipeline.views if reached & set(_FROM.findall(view.select))}
        if further <= reached:
            return reached
        reached |= further


async def _clear(engine: Engine) -> None:
    rows = await engine.rows(
        Statement(
            "SELECT name, engine FROM system.tables WHERE database = currentDatabase() "
            "AND engine IN ('MaterializedView', 'Null', 'Set', 'Join', 'Memory') ORDER BY engine != 'MaterializedView'"
        )
    )
    for row in rows:
        await engine.command(Statement(f"DROP TABLE {row['name']} SYNC"))
