"""
The scrubbing of a group of requests: look at them, ask the engine about what is suspicious, put its answers in.

Most texts hold nothing, which a compiled loop tells from their bytes; cards that stand alone are certain as well. What
is left is asked about in one statement for the group, and what comes back changed is put into the requests' bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backbone.model.errors import UserInputError
from backbone.model.scrubbing import Scrubbing
from backbone.receive.kernels import look, pairs, splice, suspect
from backbone.receive.scrub.names import KnownNames
from backbone.receive.scrub.shapes import shapes
from backbone.receive.scrub.suspicions import Suspicions, suspicions
from backbone.store.engine import Engine, RefusedByEngine
from backbone.store.wire import WireName
from backbone.store.wire.shape import NO_SHAPE

Request = tuple[bytes, str]
"""A message and its tenant."""
Bytes = NDArray[np.uint8]

_COLUMNS = "place UInt32, kind UInt8, tenant String, text String"
_KIND = np.dtype([("place", "<u4"), ("kind", "u1")])
_FIRST_NOTES = 1 << 12
_MOST_AROUND = 16
"""Bytes of a row besides its text."""
_WRONG = {
    look.MALFORMED: NO_SHAPE,
    look.RESERVED: f"body: field {look.RULES_FIELD} is reserved for the receiver",
    look.TOO_DEEP: f"body: expected at most {look.DEEPEST} messages within each other",
}


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found in a request: its notes, and names that are not known."""

    data: Bytes
    notes: NDArray[np.int64]
    unknown: NDArray[np.int64]

    @property
    def most(self) -> int:
        """The most that may be in one of its texts."""
        return int(self.notes[:, look.HOLDS].max(initial=suspect.NOTHING))


class RequestScrubber:
    """Scrubs requests as one policy says; what it learns of names holds for that policy."""

    def __init__(self, engine: Engine, scrubbing: Scrubbing) -> None:
        self._engine = engine
        self._scrubbing = scrubbing
        self._suspicions = suspicions(scrubbing)
        self._names = KnownNames()

    async def warm_up(self) -> None:
        """
        Let the engine compile the patterns, which takes half a second, so that the first request need not wait for it.

        Raises:
            DependencyError: the engine is not able now.
        """
        for statement in (
            self._scrubbing.kinds,
            self._scrubbing.names,
            self._scrubbing.hints,
            self._scrubbing.numbered,
        ):
            await self._engine.read(statement, _COLUMNS, [_TEXT])

    async def scrub(self, wire: WireName, requests: Sequence[Request]) -> list[bytes | UserInputError]:
        """
        Return each request as it may be written, or why it cannot be read.

        Raises:
            DependencyError: the engine is not able now.
        """
        try:
            return await self._scrubbed(wire, requests)
        except RefusedByEngine as error:
            # One of them is at fault, and the others are not to suffer for it.
            if len(requests) == 1:
                return [UserInputError(f"body: cannot be scrubbed: {error}")]
        middle = len(requests) // 2
        return [*await self.scrub(wire, requests[:middle]), *await self.scrub(wire, requests[middle:])]

    async def _scrubbed(self, wire: WireName, requests: Sequence[Request]) -> list[bytes | UserInputError]:
        looked = await self._looked(wire, requests)
        most = max((one.most for one in looked if isinstance(one, _Looked)), default=suspect.NOTHING)
        bodies = [body for body, _ in requests]
        if most == suspect.NOTHING:
            return [one if isinstance(one, UserInputError) else body for one, body in zip(looked, bodies, strict=True)]
        asked = await self._asked(looked, [tenant for _, tenant in requests], most)
        return await asyncio.to_thread(self._answered, looked, bodies, asked)

    async def _asked(self, looked: Sequence[_Looked | UserInputError], tenants: Sequence[str], most: int) -> bytes:
        """Return the engine's answer about all that is to be asked."""
        if most == suspect.A_CARD:
            return b""
        payload = await asyncio.to_thread(_rows, looked, tenants)
        statement = self._scrubbing.numbered
        if most == suspect.ANYTHING:
            hint = await self._engine.read(self._scrubbing.hints, _COLUMNS, payload)
            if not hint:
                return b""
            statement = self._scrubbing.texts if hint[0] else self._scrubbing.numbered
        return await self._engine.read(statement, _COLUMNS, payload)

    def _answered(
        self, looked: Sequence[_Looked | UserInputError], bodies: Sequence[bytes], asked: bytes
    ) -> list[bytes | UserInputError]:
        cards = _cards(looked, self._suspicions, self._scrubbing.masked_cards)
        return _answered(looked, bodies, b"".join((*cards, asked)))

    async def _looked(self, wire: WireName, requests: Sequence[Request]) -> list[_Looked | UserInputError]:
        while True:
            looked = await asyncio.to_thread(self._look, wire, requests)
            if not any(isinstance(one, _Looked) and len(one.unknown) for one in looked):
                return looked
            await self._learn(looked)

    async def _learn(self, looked: Sequence[_Looked | UserInputError]) -> None:
        """Ask about all names that are not known, each once."""
        statements = self._scrubbing.kinds, self._scrubbing.names
        for statement, names in zip(statements, _names_of(looked, self._suspicions), strict=True):
            if not names.keys:
                continue
            answer = await self._engine.read(statement, _COLUMNS, names.rows)
            kinds = np.frombuffer(answer, _KIND)
            self._names.learn(np.array(names.keys, np.int64)[kinds["place"]], np.ascontiguousarray(kinds["kind"]))

    def _look(self, wire: WireName, requests: Sequence[Request]) -> list[_Looked | UserInputError]:
        return _look_through(wire, requests, self._suspicions, self._names)


def _look_through(
    wire: WireName, requests: Sequence[Request], suspicious: Suspicions, names: KnownNames
) -> list[_Looked | UserInputError]:
    """Return what was found in each request, or why it cannot be read."""
    table, shape = names.table, shapes(wire)
    known = pairs.Known(
        shape.ctypes.data,
        suspicious.address,
        suspicious.besides,
        table.keys.ctypes.data,
        table.kinds.ctypes.data,
        len(table.keys),
        names.seed,
        names.plain.ctypes.data,
    )
    rooms = _Rooms()
    return [rooms.look(np.frombuffer(body, np.uint8), known) for body, _ in requests]


@dataclass(slots=True)
class _Rooms:
    """Room for notes, which grows as it is needed."""

    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty((_FIRST_NOTES, look.COLUMNS), np.int64))
    unknown: NDArray[np.int64] = field(default_factory=lambda: np.empty((_FIRST_NOTES, 3), np.int64))

    def look(self, data: Bytes, known: pairs.Known) -> _Looked | UserInputError:
        address, counts = data.ctypes.data, np.zeros(2, np.int64)
        while True:
            rows, unknown = self.rows, self.unknown
            places = rows.ctypes.data, len(rows), unknown.ctypes.data, len(unknown), counts.ctypes.data
            status = look.look(address, address + len(data), known, look.Notes(*places))
            if status != look.NO_ROOM:
                break
            self.rows = np.empty((4 * len(self.rows), look.COLUMNS), np.int64)
            self.unknown = np.empty((4 * len(self.unknown), 3), np.int64)
            counts[:] = 0
        if status < 0:
            return UserInputError(_WRONG[status])
        rows, unknown = rows[: counts[0]].copy(), unknown[: counts[1]].copy()
        # From addresses to places in the request.
        rows[:, [look.FIELD, look.SIZE, look.BEGIN, look.END]] -= address
        rows[:, look.FIRST : look.LAST + 1] -= np.where(rows[:, [look.LAST]] == look.NUMBER, 0, address)
        unknown[:, :2] -= address
        return _Looked(data, rows, unknown)


@dataclass(slots=True)
class _Names:
    """Names that are to be asked about, as rows, and their keys."""

    rows: list[bytes] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)

    def add(self, data: Bytes, names: NDArray[np.int64]) -> None:
        out = np.empty(int((names[:, 1] - names[:, 0]).sum()) + len(names) * _MOST_AROUND, np.uint8)
        self.rows.append(out[: splice.put_names(data, names, len(names), len(self.keys), out)].tobytes())
        self.keys.extend(names[:, 2].tolist())


def _names_of(looked: Sequence[_Looked | UserInputError], suspicious: Suspicions) -> tuple[_Names, _Names]:
    """Return all names that are not known, each request's once; those that are suspicious themselves apart."""
    plain, odd = _Names(), _Names()
    for one in looked:
        if isinstance(one, UserInputError) or not len(one.unknown):
            continue
        names = one.unknown[np.unique(one.unknown[:, 2], return_index=True)[1]]
        is_odd = np.empty(len(names), np.bool_)
        pairs.find_suspicious(one.data.ctypes.data, names, suspicious.address, suspicious.besides, is_odd)
        for found, chosen in ((plain, names[~is_odd]), (odd, names[is_odd])):
            if len(chosen):
                found.add(one.data, chosen)
    return plain, odd


def _rows(looked: Sequence[_Looked | UserInputError], tenants: Sequence[str]) -> list[bytes]:
    """Return the texts that are to be asked about, those of one request after the other."""
    payload, before = [], 0
    for one, tenant in zip(looked, tenants, strict=True):
        if isinstance(one, UserInputError) or not len(one.notes):
            continue
        count, name = len(one.notes), np.frombuffer(tenant.encode(), np.uint8)
        out = np.empty(splice.rows_size(one.notes, count, name), np.uint8)
        payload.append(out[: splice.put_rows(one.data, one.notes, count, before, name, out)].tobytes())
        before += count
    return payload


def _cards(looked: Sequence[_Looked | UserInputError], suspicious: Suspicions, bit: int) -> Iterator[bytes]:
    """Yield the answers about texts in which there are cards and nothing else, as the engine would give them."""
    nobody, before = np.empty(0, np.uint8), 0
    for one in looked:
        if isinstance(one, UserInputError) or not len(one.notes):
            continue
        count = len(one.notes)
        out = np.empty(splice.rows_size(one.notes, count, nobody), np.uint8)
        classes = suspicious.address + suspect.CLASSES
        yield out[: splice.put_cards(one.data, one.notes, count, before, classes, bit, out)].tobytes()
        before += count


def _answered(
    looked: Sequence[_Looked | UserInputError], bodies: Sequence[bytes], answer: bytes
) -> list[bytes | UserInputError]:
    """Return the requests with the engine's answer put in."""
    notes = sum(len(one.notes) for one in looked if isinstance(one, _Looked))
    answers = splice.Answers(
        np.frombuffer(answer, np.uint8),
        np.zeros(notes, np.int64),
        np.zeros(notes, np.int64),
        np.zeros(notes, np.uint64),
        np.zeros(notes, np.uint8),
    )
    splice.read_answers(answers)
    scrubbed: list[bytes | UserInputError] = []
    before = 0
    for one, body in zip(looked, bodies, strict=True):
        if isinstance(one, UserInputError):
            scrubbed.append(one)
            continue
        scrubbed.append(_spliced(one, before, answers, body))
        before += len(one.notes)
    return scrubbed


def _spliced(one: _Looked, before: int, answers: splice.Answers, body: bytes) -> bytes:
    count = len(one.notes)
    if not answers.fates[before : before + count].any():
        return body
    planned = np.zeros(count, np.int64), np.zeros(count, np.uint64), np.zeros(count, np.uint8)
    grown = splice.plan(one.notes, count, before, answers, *planned)
    out = np.empty(len(body) + grown, np.uint8)
    return out[: splice.put(one.data, one.notes, count, before, answers, planned, out)].tobytes()


_TEXT = bytes.fromhex("00000000 00 00 01 78")
"""The text ``x``, as a row."""
RECORD = bytes.fromhex("0a11 120f 120d 2a05 0a03 614062 3204 0a02 6162")
"""A log record with an address and an attribute without a value."""
_CHANGED = bytes.fromhex("03000000 0100000000000000 00 01 78")
"""The answer that puts ``x`` in place of the address."""


def warm_up(scrubbing: Scrubbing) -> None:
    """Compile everything that `RequestScrubber` runs."""
    known, suspicious = KnownNames(), suspicions(scrubbing)
    known.learn(np.ones(1, np.int64), np.zeros(1, np.uint8))
    looked = _look_through("logs", [(RECORD, "")], suspicious, known)
    _names_of(looked, suspicious)
    _rows(looked, [""])
    list(_cards(looked, suspicious, 1))
    _answered(looked, [RECORD], _CHANGED)
