"""The engine's errors as ours, by code: what went wrong and who has to act, without its stack trace."""

from __future__ import annotations

import re

from backbone.model.errors import BackboneError, DependencyError, LimitExceeded, UserInputError
from backbone.store.engine import MAX_ROWS_READ, RefusedByEngine

_CODE = re.compile(r"Code: (\d+)\. DB::(?:Exception|NetException|ParsingException|ErrnoException): (.*)", re.DOTALL)
_NOISE = re.compile(r"(: While (?:executing|processing)\b.*)?\s*\([A-Z0-9_]+\)\.?\s*(\(version .*)?$", re.DOTALL)

_NAME = re.compile(r"\(([A-Z][A-Z0-9_]{3,})\)")

_TIME, _MEMORY, _ROWS, _RESULT = 159, 241, 158, 396
_LIMITS = {
    _TIME: ("store.query.timeout", "it took longer than"),
    160: ("store.query.timeout", "it would take longer than"),
    _ROWS: (MAX_ROWS_READ, "it reads more rows than"),
    307: (MAX_ROWS_READ, "it reads more bytes than"),
    _RESULT: ("store.query.max_result_rows", "its result has more rows than"),
}
_CANCELLED = 394
_NOT_ABLE = {74, 75, 76, 198, 202, 203, 209, 210, 236, 241, 242, 243, 252, 279, 364, 439, 499, 733, _CANCELLED}
"""Files that cannot be written, no memory, no disk, no threads, too many parts, shutting down."""
_NO_SPACE = re.compile(r"No space left on device|Cannot reserve .* not enough space|errno: 28\b")
_THROWN = 395
_PARTITIONS = re.compile(r"Too many partitions for single INSERT block")


def explain(text: str) -> tuple[int, str]:
    """Return an error's code, 0 where it has none, and its text without trace and noise."""
    found = _CODE.search(text)
    if not found:
        return 0, text.strip().splitlines()[0] if text.strip() else "unknown error"
    return int(found[1]), _NOISE.sub("", found[2]).strip()


def query_error(text: str) -> BackboneError:
    """Return our error for one the engine raised over a query."""
    code, message = explain(text)
    if code in _LIMITS:
        option, over = _LIMITS[code]
        return LimitExceeded(f"query stopped: {over} '{option}' allows", limit=option)
    if code == _MEMORY:
        return LimitExceeded(
            "query stopped: it needs more memory than 'store.query.max_memory'", limit="store.query.max_memory"
        )
    if _NO_SPACE.search(text):
        return DependencyError("the disk is full", retry_after_seconds=10)
    if code in _NOT_ABLE:
        return DependencyError(f"the store is not able now: {message}")
    return UserInputError(message)


def insert_error(text: str) -> BackboneError:
    """
    Return our error for one the engine raised over an insert.

    What it says of memory, disk and the like passes; what is left is the fault of the bytes it was given. Of that only
    the kind is told: the engine's words may hold a sender's values.
    """
    code, message = explain(text)
    if _NO_SPACE.search(text):
        return DependencyError("the disk is full", retry_after_seconds=10)
    if _PARTITIONS.search(text):
        return RefusedByEngine("times: expected at most 100 different days in one request", by_view=True)
    if code == 0 or code in _NOT_ABLE:
        return DependencyError(f"the store is not able now: {_kind(code, text)}")
    if code == _THROWN:
        return RefusedByEngine(message.split(": while executing")[0], by_view=True)
    return RefusedByEngine(f"not a valid request: {_kind(code, text)}", by_view="ProtobufRowInputFormat" not in text)


def _kind(code: int, text: str) -> str:
    """Return an error's name and number, without its words."""
    names = _NAME.findall(text)
    name = names[-1].replace("_", " ").lower() if names else "unknown error"
    return f"{name} ({code})"
