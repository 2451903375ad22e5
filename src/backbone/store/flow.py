"""
The tables that keep nothing and the views between them, brought at each start to what `backbone.process` says.

They hold no data, so what differs is made anew and nothing is lost: the newest program's and configuration's views are
in force at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backbone.store.engine import Engine, Statement
from backbone.store.migrate import migrations
from backbone.store.wire import WIRES, wire

_FROM = re.compile(r"\bFROM (\w+)")
_WORD = re.compile(r"\w+")
_THERE = Statement(
    "SELECT name, comment FROM system.tables WHERE database = currentDatabase() "
    "AND engine IN ('MaterializedView', 'Null', 'Set', 'Join', 'Memory') ORDER BY engine != 'MaterializedView'"
)


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


@dataclass(frozen=True, slots=True)
class _Relation:
    """A table or view: its statement, in front of its comment and behind it, and the names that it speaks of."""

    name: str
    head: str
    tail: str = ""
    mentions: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        return f"{self.head}{self.tail}"


async def install(engine: Engine, pipeline: Pipeline) -> None:
    """
    Make the wires' tables, passages, tables in memory and views as the pipeline says, in place of any that differ.

    Making a view takes the engine as long as planning its query, and there are some fifty of them; so each carries, as
    its comment, a mark of what it was made from, and one that would be made the same is left as it is.
    """
    relations = _relations(pipeline)
    there = await engine.rows(_THERE)
    marks = _marks(relations, await _version(engine))
    kept = {row["name"] for row in there if marks.get(row["name"]) == row["comment"]}
    gone = [row["name"] for row in there if row["name"] not in kept]
    if gone:
        await engine.command(Statement(f"DROP TABLE {', '.join(gone)} SYNC"))
    for relation in relations:
        if relation.name not in kept:
            await engine.command(Statement(f"{relation.head} COMMENT '{marks[relation.name]}'{relation.tail}"))
    await refill(engine, pipeline)


def _relations(pipeline: Pipeline) -> list[_Relation]:
    """Return everything there has to be, each after what it reads and writes."""
    tables = [
        *((shape.table, shape.columns, "Null") for shape in map(wire, WIRES)),
        *((passage.name, passage.columns, "Null") for passage in pipeline.passages),
        *((recall.name, recall.columns, recall.engine) for recall in pipeline.recalls),
    ]
    return [_Relation(name, f"CREATE TABLE {name} ({columns}) ENGINE = {kind}") for name, columns, kind in tables] + [
        _Relation(
            view.name,
            f"CREATE MATERIALIZED VIEW {view.name} TO {view.target}",
            f" AS {view.select}",
            frozenset([view.target, *_WORD.findall(view.select)]),
        )
        for view in pipeline.views
    ]


def _marks(relations: Sequence[_Relation], version: str) -> dict[str, str]:
    """Return by name a digest of what a table or view is made from, with the tables that a view speaks of."""
    texts = {relation.name: relation.text for relation in relations}
    return {
        relation.name: hashlib.sha256(
            "\0".join(
                [version, relation.text, *(texts[name] for name in sorted(relation.mentions & texts.keys()))]
            ).encode()
        ).hexdigest()
        for relation in relations
    }


async def _version(engine: Engine) -> str:
    """Return what views depend on beside their own tables: the engine, and the tables that keep what they write."""
    rows = await engine.rows(Statement("SELECT version() AS version"))
    return f"{rows[0]['version']} {migrations()}"


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
