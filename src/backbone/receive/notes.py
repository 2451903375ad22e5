"""
A crash between writing a group and answering it leaves its senders in the dark; they send again what is stored already.

So a lane notes which requests it is about to write, and takes the note back when they are written. After a crash the
notes say which requests may be stored unanswered; those that are, by the time they were received, are recognised when
they come again and answered at once. Notes are kept in the page cache, which outlives the process: no sync is needed.
"""

from __future__ import annotations

from pathlib import Path

from backbone.store.engine import Engine, Statement
from backbone.store.wire import WireName

_ENTRY_BYTES = 8 + 16

TABLES: dict[WireName, str] = {"traces": "spans", "logs": "logs"}
"""Tables that keep what is sent twice; samples are told apart by series and time, so the others need no notes."""


class CommitNotes:
    """The notes of one lane, in one small file."""

    def __init__(self, file: Path, stored: set[bytes]) -> None:
        self._file = file
        self._stored = stored

    @classmethod
    async def open(cls, directory: Path, lane: WireName, engine: Engine) -> CommitNotes:
        """Read what a crash left, if one did, and ask the store which of those requests it has."""
        file = directory / f"{lane}.notes"
        left = _read(file)
        stored: set[bytes] = set()
        if left and lane in TABLES:
            rows = await engine.rows(
                Statement(
                    f"SELECT DISTINCT toUnixTimestamp64Nano(received) AS received_ns FROM {TABLES[lane]} "  # noqa: S608
                    "WHERE received >= fromUnixTimestamp64Nano({first:Int64}) "
                    "AND received <= fromUnixTimestamp64Nano({last:Int64})",
                    {"first": min(left), "last": max(left)},
                )
            )
            stored = {left[row["received_ns"]] for row in rows if row["received_ns"] in left}
        return cls(file, stored)

    def begin(self, requests: list[tuple[int, bytes]]) -> None:
        """Note that these are being written: when each was received, in ns, and its digest."""
        self._file.write_bytes(b"".join(received.to_bytes(8) + digest for received, digest in requests))

    def end(self) -> None:
        """Take the note back: its requests are answered, whatever the answer."""
        self._file.write_bytes(b"")

    def already_stored(self, digest: bytes) -> bool:
        """Tell whether a crash left this request stored and unanswered; that is said once."""
        if digest in self._stored:
            self._stored.discard(digest)
            return True
        return False


def _read(file: Path) -> dict[int, bytes]:
    file.parent.mkdir(parents=True, exist_ok=True)
    content = file.read_bytes() if file.exists() else b""
    entries = (content[at : at + _ENTRY_BYTES] for at in range(0, len(content), _ENTRY_BYTES))
    return {int.from_bytes(entry[:8]): entry[8:] for entry in entries if len(entry) == _ENTRY_BYTES}
