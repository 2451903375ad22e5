"""Times and durations as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from backbone.model.errors import UserInputError
from backbone.model.time import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND

LATEST_NS = 2**63 - 1 - NANOSECONDS_PER_SECOND
"""The end of storage's time, in the year 2262."""

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": NANOSECONDS_PER_MILLISECOND,
    "s": NANOSECONDS_PER_SECOND,
    "m": 60 * NANOSECONDS_PER_SECOND,
    "h": 3_600 * NANOSECONDS_PER_SECOND,
    "d": 86_400 * NANOSECONDS_PER_SECOND,
    "w": 604_800 * NANOSECONDS_PER_SECOND,
}
_PART = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h|d|w)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_NUMBER = re.compile(r"-?\d{1,19}(?:\.\d{1,9})?(?:[eE][+-]?\d{1,2})?")
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?)?")


def parse_duration_ns(text: str, name: str) -> int:
    """
    Return a duration such as ``250ms``, ``1.5s`` or ``1h30m`` in nanoseconds.

    Raises:
        UserInputError: it is none; *name* says which option is meant.
    """
    if not _DURATION.fullmatch(text):
        raise UserInputError(f"'{name}': {text[:100]!r} is no duration; such as 250ms, 1.5s or 1h30m is accepted")
    total = 0.0
    for number, unit in _PART.findall(text):
        total += float(number) * _UNITS_NS[unit]
    return min(round(total), LATEST_NS)


def parse_time_ns(text: str, name: str, *, now_ns: int) -> int:
    """
    Return a point in time in nanoseconds since 1970, UTC.

    Accepted are RFC 3339 (a date alone is its midnight, no zone is UTC), seconds since 1970, ``now``, and a duration,
    which means so long ago.

    Raises:
        UserInputError: it is none of these; *name* says which option is meant.
    """
    if text == "now":
        return now_ns
    if _DURATION.fullmatch(text):
        return max(now_ns - parse_duration_ns(text, name), 0)
    if _NUMBER.fullmatch(text):
        return _clamped(round(float(text) * NANOSECONDS_PER_SECOND))
    match = _RFC3339.fullmatch(text)
    try:
        if match:
            return _clamped(_from_rfc3339(match))
    except (ValueError, OverflowError) as error:
        raise UserInputError(f"'{name}': {text[:100]!r}: {error}") from error
    raise UserInputError(
        f"'{name}': {text[:100]!r} is no time; RFC 3339, seconds since 1970, 'now' or a duration back from now "
        "such as 15m is accepted"
    )


def print_time(nanoseconds: int) -> str:
    """Return RFC 3339 in UTC with nine digits, such as ``2026-11-24T10:00:00.000000001Z``."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS_PER_SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def print_duration(nanoseconds: float) -> str:
    """Return a duration in the unit that fits it: ``812ns``, ``4.2ms``, ``3.1s``, ``2m05s``."""
    if nanoseconds >= 60 * NANOSECONDS_PER_SECOND:
        minutes, seconds = divmod(round(nanoseconds / NANOSECONDS_PER_SECOND), 60)
        return f"{minutes}m{seconds:02d}s"
    for unit in ("s", "ms", "us"):
        if nanoseconds >= _UNITS_NS[unit]:
            return f"{nanoseconds / _UNITS_NS[unit]:.3g}{unit}"
    return f"{nanoseconds:.0f}ns"


def _from_rfc3339(match: re.Match[str]) -> int:
    day, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in {None, "Z", "z"} else zone
    seconds = int(datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{zone}").timestamp())
    return seconds * NANOSECONDS_PER_SECOND + int((fraction or "0").ljust(9, "0"))


def _clamped(nanoseconds: int) -> int:
    return max(0, min(nanoseconds, LATEST_NS))
