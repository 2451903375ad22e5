"""What a request to Tempo's API gives."""

from __future__ import annotations

from backbone.model.errors import UserInputError
from backbone.model.time import NANOSECONDS_PER_SECOND, now_ns
from backbone.query.times import parse_duration_ns, parse_time_ns
from backbone.query.traceql.source import Window
from backbone.serve.given import Given

_HOUR_NS = 3_600 * NANOSECONDS_PER_SECOND
_MOST_DIGITS = 10


def given_window(given: Given) -> Window:
    """
    Return the time of ``start`` and ``end``, in seconds, or nanoseconds where there are so many digits; else an hour.

    Raises:
        UserInputError: one is no time, or the end is not after the start.
    """
    now = now_ns()
    end = _moment(given, "end", now, now)
    start = _moment(given, "start", now, max(end - _HOUR_NS, 0))
    if since := given.get("since"):
        start = max(end - parse_duration_ns(since, "since"), 0)
    if end <= start:
        raise UserInputError(f"'end': http parameter start must be before end, got {start} and {end} nanoseconds")
    return Window(start, end)


def _moment(given: Given, name: str, now: int, default: int) -> int:
    text = given.get(name, "")
    if not text or text == "0":
        return default
    if text.isascii() and text.isdecimal() and _MOST_DIGITS < len(text) <= 19:
        return min(int(text), (1 << 63) - 1)
    return parse_time_ns(text, name, now_ns=now)


def given_count(given: Given, name: str, default: int, most: int) -> int:
    """
    Return how many are asked for; 0 is as many as there may be.

    Raises:
        UserInputError: it is no number.
    """
    text = given.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise UserInputError(f"'{name}': invalid {name}: {text[:40]!r} is no number of them")
    return min(int(text) or most, most)
