"""
A crash between writing a group and answering it leaves its senders in the dark; they send again what is stored already.

So a lane notes which requests it is about to write. After a crash the notes say which requests may be stored and not
answered; those that are stored, by the time they were received, are recognised when they come again and answered at
once.

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

TABLES: dict[WireName, str] = {"traces": "spans", "logs": "logs"}
"""Tables that keep what is sent twice; samples are told apart by series and time, so the others need no notes."""


class CommitNotes:
    """
    The notes of one lane, in two small files that take turns: when the younger is old enough, the older is dropped.

    Args:
        directory: where the files are; ``None`` for a lane that needs no notes.
        lane: what the files are called after.
        engine: the store that knows what it has.
    """

    def __init__(self, directory: Path | None, lane: WireName, engine: Engine) -> None:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._lane = lane
        self._engine = engine
        self._left: dict[bytes, int] = {}
        self._since_ns = 0

    @classmethod
    async def open(cls, directory: Path, lane: WireName, engine: Engine) -> CommitNotes:
        """Read what a crash left, if one did, and ask the store which of those requests it has."""
        if lane not in TABLES:
            return cls(None, lane, engine)
        notes = cls(directory, lane, engine)
        await notes.look_for([entry for file in notes._files() for entry in _read(file)])
        return notes

    async def look_for(self, requests: list[tuple[int, bytes]]) -> None:
        """Remember those that are stored, since their senders do not know it and will come again."""
        if self._directory is None or not requests:
            return
        noted = dict(requests)
        rows = await self._engine.rows(
            Statement(
                f"SELECT DISTINCT toUnixTimestamp64Nano(received) AS received_ns FROM {TABLES[self._lane]} "  # noqa: S608
                "WHERE received >= fromUnixTimestamp64Nano({first:Int64}) "
                "AND received <= fromUnixTimestamp64Nano({last:Int64})",
                {"first": min(noted), "last": max(noted)},
            )
        )
        stored = [row["received_ns"] for row in rows if row["received_ns"] in noted]
        self._left |= {noted[received_ns]: received_ns for received_ns in stored}

    def begin(self, requests: list[tuple[int, bytes]]) -> None:
        """Note that these are being written: when each was received, in ns, in order, and its digest."""
        if self._directory is None:
            return
        newest_ns = requests[-1][0]
        if newest_ns - self._since_ns > _KEPT_NS:
            self._turn(newest_ns)
        with self._younger.open("ab") as file:
            file.write(_entries(requests))

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
        self._fresh.write_bytes(_entries((at, digest) for digest, at in self._left.items()))
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
