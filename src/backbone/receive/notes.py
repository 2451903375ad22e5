"""
A crash between writing a group and answering it leaves its senders in the dark; they send again what is stored already.

So a lane notes which requests it is about to write, and which are written, before they are answered. After a crash the
notes say which requests are stored and perhaps not answered; they are recognised when they come again and answered at
once. Of those that were being written the store is asked, by the time they were received; nobody was told of them, so
where a request's items go to two tables and one may lack them, what is there is taken out.

A note is kept for a while after its request is answered: until the answer has left this machine nobody knows that the
sender got it. What a crash left and no sender has asked for yet is carried over into the next notes, so that it
outlives another crash. Notes are kept in the page cache, which outlives the process: no sync is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.store.engine import Engine, Statement
from backbone.store.wire import WireName

_ENTRY_BYTES = 8 + 16
_KEPT_NS = 2 * NANOSECONDS_PER_SECOND
"""How long a request is remembered at least; at most twice as long."""
_CARRIED_NS = 86_400 * NANOSECONDS_PER_SECOND
"""How long what a crash left is carried over: senders that come back later than that are rare."""

_WRITTEN = 1 << 63
"""Marks an entry of a request that is written: times do not reach so far."""

TABLES: dict[WireName, tuple[str, ...]] = {"traces": ("spans", "spans_waiting"), "logs": ("logs", "logs_waiting")}
"""Tables that keep what is sent twice; samples are told apart by series and time, so the others need no notes."""


class CommitNotes:
    """
    The notes of one lane, in two small files that take turns: when the younger is old enough, the older is dropped.

    Args:
        directory: where the files are; ``None`` for a lane that needs no notes.
        lane: what the files are called after.
        engine: the store that knows what it has.
        is_parted: whether a request's items go to several of the lane's tables; where that was switched on or off since
            the start, it is seen from what waits.
    """

    def __init__(self, directory: Path | None, lane: WireName, engine: Engine, *, is_parted: bool = False) -> None:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._lane = lane
        self._engine = engine
        self._is_parted = is_parted
        self._left: dict[bytes, int] = {}
        self._since_ns = 0

    @classmethod
    async def open(cls, directory: Path, lane: WireName, engine: Engine, *, is_parted: bool = False) -> CommitNotes:
        """Read what a crash left, if one did, and ask the store of the requests that were being written."""
        if lane not in TABLES:
            return cls(None, lane, engine)
        notes = cls(directory, lane, engine, is_parted=is_parted)
        entries = [entry for file in notes._files() for entry in _read(file)]
        written = {(at & ~_WRITTEN, digest) for at, digest in entries if at & _WRITTEN}
        notes._left = {digest: at for at, digest in written}
        await notes.look_for([entry for entry in entries if not entry[0] & _WRITTEN and entry not in written])
        return notes

    async def look_for(self, requests: list[tuple[int, bytes]]) -> None:
        """Remember those that are stored, since their senders do not know it and will come again."""
        if self._directory is None or not requests:
            return
        noted = dict(requests)
        is_parted = self._is_parted or await self._has_waiting_records()
        for table in TABLES[self._lane]:
            rows = await self._engine.rows(
                Statement(
                    f"SELECT DISTINCT toUnixTimestamp64Nano(received) AS received_ns FROM {table} "  # noqa: S608
                    "WHERE received >= fromUnixTimestamp64Nano({first:Int64}) "
                    "AND received <= fromUnixTimestamp64Nano({last:Int64})",
                    {"first": min(noted), "last": max(noted)},
                )
            )
            stored = [row["received_ns"] for row in rows if row["received_ns"] in noted]
            if is_parted and stored:
                await self._take_out(table, stored)
            else:
                self._left |= {noted[received_ns]: received_ns for received_ns in stored}

    async def _has_waiting_records(self) -> bool:
        return self._lane == "logs" and bool(await self._engine.rows(Statement("SELECT 1 FROM logs_waiting LIMIT 1")))

    async def _take_out(self, table: str, received_ns: list[int]) -> None:
        times = "arrayMap(t -> fromUnixTimestamp64Nano(t, 'UTC'), {times:Array(Int64)})"
        await self._engine.command(
            Statement(f"DELETE FROM {table} WHERE has({times}, received)", {"times": received_ns})  # noqa: S608
        )

    def begin(self, requests: list[tuple[int, bytes]]) -> None:
        """Note that these are being written: when each was received, in ns, in order, and its digest."""
        if self._directory is None:
            return
        newest_ns = requests[-1][0]
        if newest_ns - self._since_ns > _KEPT_NS:
            self._turn(newest_ns)
        with self._younger.open("ab") as file:
            file.write(_entries(requests))

    def written(self, requests: list[tuple[int, bytes]]) -> None:
        """Note that these are stored, before anyone is told."""
        if self._directory is not None:
            with self._younger.open("ab") as file:
                file.write(_entries((at | _WRITTEN, digest) for at, digest in requests))

    def already_stored(self, digest: bytes) -> bool:
        """Tell whether a crash left this request stored and perhaps unanswered; that is said once."""
        return self._left.pop(digest, None) is not None

    def clear(self) -> None:
        """Forget what was noted, at an orderly end: all of it is answered, but for what is still carried over."""
        if self._directory is not None and not self._left:
            for file in self._files():
                file.unlink(missing_ok=True)

    def _turn(self, now_ns: int) -> None:
        """Begin a new file, with what is carried over; the younger one until now becomes the older."""
        self._left = {digest: at for digest, at in self._left.items() if now_ns - at < _CARRIED_NS}
        self._fresh.write_bytes(_entries((at | _WRITTEN, digest) for digest, at in self._left.items()))
        if self._younger.exists():
            self._younger.replace(self._older)
        self._fresh.replace(self._younger)
        self._since_ns = now_ns

    def _files(self) -> tuple[Path, Path, Path]:
        return self._older, self._younger, self._fresh

    @property
    def _older(self) -> Path:
        return self._file("older.notes")

    @property
    def _younger(self) -> Path:
        return self._file("notes")

    @property
    def _fresh(self) -> Path:
        return self._file("fresh.notes")

    def _file(self, suffix: str) -> Path:
        assert self._directory is not None
        return self._directory / f"{self._lane}.{suffix}"


def _entries(requests: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(received.to_bytes(8) + digest for received, digest in requests)


def _read(file: Path) -> list[tuple[int, bytes]]:
    content = file.read_bytes() if file.exists() else b""
    entries = (content[at : at + _ENTRY_BYTES] for at in range(0, len(content), _ENTRY_BYTES))
    return [(int.from_bytes(entry[:8]), entry[8:]) for entry in entries if len(entry) == _ENTRY_BYTES]
