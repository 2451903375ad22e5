"""
Which labels get columns: those that are named, and some that are asked for again and again.

A column costs each record a little, so there are few, and none that nobody asks for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from backbone.model.errors import BackboneError
from backbone.model.time import NANOSECONDS_PER_SECOND, now_ns
from backbone.query.logql.base_labels import attribute_text
from backbone.query.logql.columns import LabelColumns, can_have_column, label_columns, label_of
from backbone.store.engine import Engine, Statement

_log = structlog.get_logger("backbone.columns")

_OFTEN = 2
_IDLE_SECONDS = 86_400.0
_REST_SECONDS = 2.0
_REJECTED_SECONDS = 3_600.0
_LOOKED_BACK_SECONDS = (60, 600, 3_600, 86_400, 40 * 86_400)
_SAMPLED_SECONDS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""How long before the newest record those lie that are looked at: as many times as give enough of them."""
_WITHIN = (
    "time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC') AND time <= fromUnixTimestamp64Nano({end:Int64}, 'UTC')"
)
_FEWEST_RECORDS = 10_000
_LEAST_SHARE = 0.01
_MOST_TEXTS = 20_000
_LEAST_REPEATED = 10


@dataclass(frozen=True, slots=True)
class ColumnOptions:
    """``attributes`` have columns always; of labels that are asked for, ``learned`` at most."""

    attributes: Sequence[str] = ()
    learned: int = 0


class ColumnLearner:
    """Makes and drops columns of an engine's logs."""

    def __init__(self, engine: Engine, options: ColumnOptions) -> None:
        self._engine = engine
        self._columns: LabelColumns = label_columns(engine)
        self._named = {label for one in options.attributes if can_have_column(label := label_of(one))}
        self._most = options.learned
        self._rejected: dict[str, float] = {}

    async def begin(self) -> None:
        """Find the columns there are, and make those that are named."""
        await self._columns.load(self._engine)
        if missing := sorted(self._named - self._columns.names):
            await self._columns.add(self._engine, *missing)
            await self._columns.fill(self._engine, *missing)

    async def run(self) -> None:
        """Learn for ever."""
        while True:
            await self._columns.news.wait()
            self._columns.news.clear()
            try:
                await self.learn()
            except BackboneError as error:
                _log.warning("columns not learned, tried again", error=str(error))
            await asyncio.sleep(_REST_SECONDS)

    async def learn(self) -> None:
        """Make columns for labels that were asked for often and are worth it, in place of those nobody asks for."""
        now = time.monotonic()
        columns = self._columns
        for label, times in columns.asked.most_common():
            if times < _OFTEN or label in columns.names or now < self._rejected.get(label, 0.0):
                continue
            if not await self._has_room():
                return
            if await self._is_worth_it(label):
                _log.info("a label that is asked for gets a column", label=label)
                await columns.add(self._engine, label)
                await columns.fill(self._engine, label)
            else:
                self._rejected[label] = now + _REJECTED_SECONDS

    async def _has_room(self) -> bool:
        columns = self._columns
        learned = columns.names - self._named
        if len(learned) < self._most:
            return True
        idle = time.monotonic() - _IDLE_SECONDS
        for label in sorted(learned):
            # Those of an earlier run were asked for by somebody; they get their time, too.
            if columns.last.setdefault(label, time.monotonic()) < idle:
                _log.info("a label that nobody asks for loses its column", label=label)
                await columns.drop(self._engine, label)
                return self._most > 0
        return False

    async def _is_worth_it(self, label: str) -> bool:
        """Return whether the newest records have the label, and with few texts."""
        newest = await self._newest_ns()
        text = attribute_text(label, lambda value: f"'{value}'")
        for seconds in _SAMPLED_SECONDS:
            row = await self._row(
                f"SELECT count() AS records, countIf(text != '') AS present, uniq(text) AS texts "
                f"FROM (SELECT {text} AS text FROM logs WHERE {_WITHIN})",
                newest - seconds * NANOSECONDS_PER_SECOND,
                newest,
            )
            if row["records"] >= _FEWEST_RECORDS:
                enough = row["present"] >= row["records"] * _LEAST_SHARE
                return bool(enough and row["texts"] <= min(_MOST_TEXTS, row["present"] / _LEAST_REPEATED))
        return False

    async def _newest_ns(self) -> int:
        """Return when the newest record is from, found without reading all times; 0 where there is none."""
        now = now_ns()
        for seconds in _LOOKED_BACK_SECONDS:
            row = await self._row(
                f"SELECT toUnixTimestamp64Nano(max(time)) AS newest FROM logs WHERE {_WITHIN}",
                now - seconds * NANOSECONDS_PER_SECOND,
                now,
            )
            if row["newest"]:
                return int(row["newest"])
        return 0

    async def _row(self, sql: str, start_ns: int, end_ns: int) -> dict[str, Any]:
        [row] = await self._engine.rows(Statement(sql, {"start": start_ns, "end": end_ns}))
        return row
