"""What a request to Loki's API gives. Source: Loki 3, HTTP API, "Timestamps" and "Statistics"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from backbone.model.errors import UserInputError
from backbone.model.time import NANOSECONDS_PER_SECOND, now_ns
from backbone.query.logql.ast import LogQuery
from backbone.query.logql.parser import parse_log_query
from backbone.query.promql.engine import MAX_STEPS
from backbone.query.promql.values import Grid
from backbone.query.times import parse_duration_ns, parse_time_ns
from backbone.serve.given import Given

DEFAULT_LIMIT = 100
_HOUR_NS = 3_600 * NANOSECONDS_PER_SECOND
_DIGITS = re.compile(r"-?[0-9]{1,19}")
_STEPS = 250
_NS_PER_MS = 1_000_000
_LARGEST_NS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Range:
    """Nanoseconds: from ``start`` on and before ``end``."""

    start: int
    end: int


def given_moment(given: Given, name: str, *, now: int, default: int) -> int:
    """
    Return a time in nanoseconds: given so, in seconds with or without a fraction, or by RFC 3339.

    Raises:
        UserInputError: it is none of these.
    """
    text = given.get(name, "")
    if not text:
        return default
    if _DIGITS.fullmatch(text):
        number = int(text)
        # Whole numbers of up to ten digits are seconds.
        found = number * NANOSECONDS_PER_SECOND if len(text.lstrip("-")) <= 10 else number
    else:
        try:
            seconds = float(text)
            found = round(seconds * NANOSECONDS_PER_SECOND) if math.isfinite(seconds) else _LARGEST_NS + 1
        except ValueError:
            found = parse_time_ns(text, name, now_ns=now)
    if not 0 <= found <= _LARGEST_NS:
        raise UserInputError(f"'{name}': {text[:40]!r} is out of range")
    return found


def given_range(given: Given, *, hours: int = 1) -> Range:
    """
    Return the time of ``start``, ``end`` and ``since``; the last hour, or so many *hours*, when nothing is given.

    Raises:
        UserInputError: one of them is no time, or the end is before the start.
    """
    now = now_ns()
    end = given_moment(given, "end", now=now, default=now)
    length = hours * _HOUR_NS
    if since := given.get("since"):
        length = parse_duration_ns(since, "since")
    start = given_moment(given, "start", now=now, default=max(min(end, now) - length, 0))
    if end < start:
        raise UserInputError("end timestamp must not be before or equal to start time")
    return Range(start, end)


def given_step_ns(given: Given, range_: Range, name: str = "step") -> int:
    """
    Return a step in nanoseconds, whole milliseconds; what makes about 250 steps when nothing is given.

    Raises:
        UserInputError: it is no duration, not positive, or makes too many steps.
    """
    text = given.get(name, "")
    if not text:
        seconds = max((range_.end - range_.start) // _STEPS // NANOSECONDS_PER_SECOND, 1)
        return seconds * NANOSECONDS_PER_SECOND
    try:
        step = round(float(text) * NANOSECONDS_PER_SECOND)
    except (ValueError, OverflowError):
        step = parse_duration_ns(text, name)
    step = step // _NS_PER_MS * _NS_PER_MS
    if step <= 0:
        raise UserInputError(f"'{name}': zero or negative query resolution step widths are not accepted")
    if (range_.end - range_.start) // step > MAX_STEPS:
        raise UserInputError(
            f"exceeded maximum resolution of {MAX_STEPS:,} points per time series; try increasing the value of '{name}'"
        )
    return step


def given_grid(given: Given, range_: Range) -> Grid:
    """Return the steps of a query of numbers, in milliseconds; raises as `given_step_ns`."""
    step = given_step_ns(given, range_) // _NS_PER_MS
    return Grid(range_.start // _NS_PER_MS, range_.end // _NS_PER_MS, step)


def given_count(given: Given, name: str, default: int, most: int) -> int:
    """
    Return how many are asked for.

    Raises:
        UserInputError: it is no positive number, or more than there may be.
    """
    text = given.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise UserInputError(f"'{name}': {text[:40]!r} is no positive number")
    if int(text) > most:
        raise UserInputError(
            f"'{name}': max entries limit per query exceeded, limit > max_entries_limit ({text} > {most})"
        )
    return int(text)


def given_forward(given: Given) -> bool:
    """Return whether the oldest are wanted first."""
    direction = (given.get("direction") or "backward").lower()
    if direction not in {"forward", "backward"}:
        raise UserInputError(f"'direction': expected 'forward' or 'backward', got {direction[:40]!r}")
    return direction == "forward"


def given_selector(given: Given, name: str = "query") -> LogQuery | None:
    """Return the query of lines, None where nothing is given; raises `LogQLSyntaxError`."""
    text = given.get(name, "")
    return parse_log_query(text) if text and text != "{}" else None
