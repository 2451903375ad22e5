"""
Sweeps: traces that have waited long enough are decided on, their spans and log records moved or let go of.

Rows wait in batches, each of which was written at once and is let go of at once. A sweep decides, then moves, then
forgets, and each of these can be done again:

- A trace that is decided on is not decided on again.
- A batch is looked at for spans that come late when it is new, and for those of a trace when that is decided on, so
  each row is moved in one sweep. Which batches are new is known in memory; after a start, or when a sweep failed, rows
  are held against those that were moved before.
- A batch is forgotten when nothing in it is undecided, after what it leaves out is counted, under the batch's name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.process.sample.compiled import Tail
from backbone.process.sample.statements import (
    BATCHES,
    EXPIRED,
    GATHER,
    RELEASE,
    Waiting,
    logs_waiting,
    once,
    spans_waiting,
)
from backbone.store.engine import Engine, Parameter, Statement

_KEEP_DECISIONS_NS = 600 * NANOSECONDS_PER_SECOND
_LEAST_MARGIN_NS = 5 * NANOSECONDS_PER_SECOND
_LONGEST_SECONDS = 60
_SWEEPS_A_WAIT = 4


@dataclass(slots=True)
class _Batch:
    name: str
    identity: str
    """The engine's name of the partition."""
    items: int
    arrived_ns: int
    waited_ns: int = 0
    is_early: bool = False


@dataclass(slots=True)
class _Room:
    """The batches in one table, the oldest first."""

    waiting: Waiting
    batches: dict[str, _Batch] = field(default_factory=dict)
    fresh: list[str] = field(default_factory=list)

    def see(self, rows: Sequence[Mapping[str, object]], now_ns: int) -> None:
        """Take note of what is there; what was not seen before came now."""
        there = {str(row["batch"]): row for row in rows if row["table"] == self.waiting.table}
        self.fresh = [name for name in there if name not in self.batches]
        known = {name: batch for name, batch in self.batches.items() if name in there}
        for name in self.fresh:
            row = there[name]
            known[name] = _Batch(name, str(row["id"]), int(str(row["items"])), now_ns)
        self.batches = known

    def grow_older(self, by_ns: int) -> None:
        for batch in self.batches.values():
            batch.waited_ns += by_ns

    def older_than(self, arrived_ns: int) -> list[_Batch]:
        return [batch for batch in self.batches.values() if batch.is_early or batch.arrived_ns <= arrived_ns]

    def waited_for(self, waited_ns: int) -> list[_Batch]:
        return [batch for batch in self.batches.values() if batch.waited_ns >= waited_ns]


class Sweeper:
    """
    Decides on what waits; one call of `sweep` after the other.

    Args:
        engine: the store.
        tail: what keeps traces; without it all that still waits is kept.
        span_columns: the columns of ``spans``, without the weight.
        log_columns: the columns of ``logs``.
    """

    def __init__(
        self, engine: Engine, tail: Tail | None, span_columns: Sequence[str], log_columns: Sequence[str]
    ) -> None:
        self._engine = engine
        self._tail = tail
        self._spans = _Room(spans_waiting(span_columns))
        self._logs = _Room(logs_waiting(log_columns))
        self._sweeping = asyncio.Lock()
        self._astray = True
        """Whether a sweep before this one may have been left half done."""
        self._started_ns = 0
        self._swept_ns = 0
        self._decided_ns = 0

    def use(self, tail: Tail | None) -> None:
        """Decide by another policy from now on."""
        self._tail = tail

    @property
    def pause_seconds(self) -> float:
        """
        How long to rest after a sweep.

        Much of one is looking through all that waits, so a long wait is swept less often.
        """
        if self._tail is None:
            return 20.0
        return min(max(self._tail.wait_ns / NANOSECONDS_PER_SECOND / _SWEEPS_A_WAIT, 1.0), 5.0)

    @property
    def _margin_ns(self) -> int:
        """How much longer log records wait than spans may: what comes between sweeps is seen by the next ones."""
        return max(_LEAST_MARGIN_NS, round(3 * self.pause_seconds * NANOSECONDS_PER_SECOND))

    @property
    def paused(self) -> AbstractAsyncContextManager[None]:
        """A context in which nothing is swept: it begins when the sweep under way is over."""
        return self._sweeping

    async def sweep(self, now_ns: int) -> None:
        """
        Do all that is due.

        Raises:
            BackboneError: the store is not able now; the next sweep does what this one did not.
        """
        async with self._sweeping:
            await self._sweep(now_ns)

    async def _sweep(self, now_ns: int) -> None:
        self._started_ns = self._started_ns or now_ns
        # Of a long time between two sweeps not all counts as waiting: spans that came in it are new, too.
        self._logs.grow_older(min(now_ns - self._swept_ns, self._margin_ns // 2))
        self._swept_ns = now_ns
        rows = await self._engine.rows(Statement(BATCHES))
        for room in (self._spans, self._logs):
            room.see(rows, now_ns)
        is_again, self._astray = self._astray, True
        if rows:
            await self._work(now_ns, is_again=is_again)
        await self._expire(now_ns)
        self._astray = False

    async def _work(self, now_ns: int, *, is_again: bool) -> None:
        wait_ns = self._tail.wait_ns if self._tail else 0
        await self._make_room()
        spans = self._spans.older_than(now_ns - wait_ns)
        # A trace's first span may come as late as a record's wait is long, and is then waited for as long.
        logs = self._logs.waited_for(2 * wait_ns + self._margin_ns if self._tail else 0)
        is_decided = bool(spans) or self._tail is None
        if is_decided:
            await self._decide(spans, now_ns)
        about = [name for room in (self._spans, self._logs) for name in (room.batches if is_again else room.fresh)]
        about += [batch.name for batch in (*spans, *logs)]
        if about or is_decided:
            await self._gather(about, now_ns)
        for room in (self._spans, self._logs):
            await self._move(room, is_decided=is_decided, is_again=is_again)
        for room, due in ((self._spans, spans), (self._logs, logs)):
            if due:
                await self._forget(room, due)

    async def _make_room(self) -> None:
        """Let the oldest batches be due where more waits than may."""
        if self._tail is None:
            return
        over = sum(batch.items for batch in self._spans.batches.values()) - self._tail.max_spans
        for batch in self._spans.batches.values():
            if over <= 0:
                break
            over -= batch.items
            if not batch.is_early:
                statement = once(self._spans.waiting.count_early, f"early-{batch.identity}")
                await self._engine.command(Statement(statement, {"batch": batch.name}))
                batch.is_early = True

    async def _decide(self, due: Sequence[_Batch], now_ns: int) -> None:
        before_ns = self._decided_ns or now_ns - NANOSECONDS_PER_SECOND
        before_ns = max(before_ns, now_ns - _LONGEST_SECONDS * NANOSECONDS_PER_SECOND)
        seconds = max((now_ns - before_ns) // NANOSECONDS_PER_SECOND, 1)
        # What is left of a second counts in the next sweep.
        self._decided_ns = before_ns + seconds * NANOSECONDS_PER_SECOND
        names = [batch.name for batch in due]
        parameters: dict[str, Parameter] = {
            "batches": list(self._spans.batches),
            "due": names,
            "now_ns": now_ns,
            "seconds": seconds,
        }
        statement = self._tail.decide if self._tail else RELEASE
        await self._engine.command(Statement(statement, parameters))

    async def _gather(self, about: Sequence[str], now_ns: int) -> None:
        """Put the kept traces that rows are held against into ``kept_traces``."""
        await self._engine.command(Statement("TRUNCATE TABLE kept_traces"))
        await self._engine.command(Statement(GATHER, {"about": about, "now_ns": now_ns}))

    async def _move(self, room: _Room, *, is_decided: bool, is_again: bool) -> None:
        if not room.batches or not (room.fresh or is_decided or is_again):
            return
        statement = room.waiting.move_again if is_again else room.waiting.move
        parameters: dict[str, Parameter] = {"batches": list(room.batches), "fresh": room.fresh}
        await self._engine.command(Statement(statement, parameters))

    async def _forget(self, room: _Room, due: Sequence[_Batch]) -> None:
        waiting = room.waiting
        for batch in due:
            count = once(waiting.count_left_out, f"left-out-{waiting.table}-{batch.identity}")
            await self._engine.command(Statement(count, {"batch": batch.name}))
        # The name of a partition is a hash that the engine made.
        dropped = ", ".join(f"DROP PARTITION ID '{batch.identity}'" for batch in due)
        await self._engine.command(Statement(f"ALTER TABLE {waiting.table} {dropped}"))
        for batch in due:
            del room.batches[batch.name]

    async def _expire(self, now_ns: int) -> None:
        """Let go of old decisions, but not of those that rows from before the start still follow."""
        keep_ns = self._tail.keep_decisions_ns if self._tail else _KEEP_DECISIONS_NS
        if now_ns - self._started_ns < keep_ns:
            return
        parameters = {"now_ns": now_ns, "keep_ns": keep_ns}
        for row in await self._engine.rows(Statement(EXPIRED, parameters)):
            await self._engine.command(Statement(f"ALTER TABLE decisions DROP PARTITION ID '{row['id']}'"))
