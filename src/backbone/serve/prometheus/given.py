"""What the parameters of Prometheus' API mean."""

from __future__ import annotations

import math

from backbone.model.errors import UserInputError
from backbone.query.times import parse_duration_ns, parse_time_ns
from backbone.serve.given import Given

MAX_ITEMS = 100_000
"""Of one answer, where the request sets no limit of its own."""

_LARGEST_SECONDS = 9_000_000_000.0


def result_limit(given: Given) -> int:
    """Return how many items an answer may have; 0 or nothing given is as many as it may at all."""
    text = given.get("limit") or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise UserInputError(f"'limit': {text[:40]!r} is no number of items; 0 is no limit")
    return min(int(text) or MAX_ITEMS, MAX_ITEMS)


def given_time_ms(given: Given, name: str, *, now_ms: int, default_ms: int | None = None) -> int:
    """
    Return a time in milliseconds.

    Raises:
        UserInputError: it is none, or it is missing and has no default.
    """
    text = given.get(name, "")
    if not text and default_ms is not None:
        return default_ms
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isfinite(seconds) and abs(seconds) <= _LARGEST_SECONDS:
        return round(seconds * 1000)
    try:
        if math.isnan(seconds):
            return parse_time_ns(text, name, now_ns=now_ms * 1_000_000) // 1_000_000
    except UserInputError:
        pass
    raise UserInputError(f'invalid parameter "{name}": cannot parse "{text[:100]}" to a valid timestamp')


def given_duration_ms(given: Given, name: str, default_ms: int | None = None) -> int:
    """
    Return a duration, in seconds or such as ``5m``, in milliseconds.

    Raises:
        UserInputError: it is none, or it is missing and has no default.
    """
    text = given.get(name, "")
    if not text and default_ms is not None:
        return default_ms
    try:
        seconds = float(text)
    except ValueError:
        try:
            return parse_duration_ns(text, name) // 1_000_000
        except UserInputError:
            seconds = math.nan
    if not abs(seconds) <= _LARGEST_SECONDS:
        raise UserInputError(f'invalid parameter "{name}": cannot parse "{text[:100]}" to a valid duration')
    return round(seconds * 1000)
