"""Numbers and durations as PromQL writes them."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from backbone.query.promql.quoting import quote

MAX_SECONDS: Final = (1 << 63) / 1e9
"""Prometheus holds durations as nanoseconds in 64 bits."""

_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION = re.compile("".join(f"(?:([0-9]+){unit})?" for unit in _UNITS))
_UNDERSCORES = re.compile(r"(?:0[xX]_?)?[0-9a-fA-F]*(?:_[0-9a-fA-F]+)*")
_MANY_DIGITS = 6
"""Digits before the point from which Go writes an exponent, 1e+06."""
_MAX_INTEGER = (1 << 63) - 1


def number(text: str) -> float:
    """
    Return the number: an integer as Go writes them (``0x1f``, ``017``, ``1_000``), or a decimal fraction.

    Raises:
        ValueError: it is no number, or larger than any.
    """
    if text.lower() in {"inf", "nan"}:
        return float(text)
    problem = f"error parsing number: strconv.ParseFloat: parsing {quote(text)}: "
    if not all(_UNDERSCORES.fullmatch(part) for part in re.split(r"\.|[eE][+-]?", text)[: 1 if _hex(text) else None]):
        raise ValueError(f"{problem}invalid syntax")
    digits = text.replace("_", "")
    integer = _integer(digits)
    if integer is not None and integer <= _MAX_INTEGER:
        return float(integer)
    if _hex(text):
        raise ValueError(f"{problem}invalid syntax")
    try:
        value = float(digits)
    except ValueError:
        raise ValueError(f"{problem}invalid syntax") from None
    if math.isinf(value):
        raise ValueError(f"{problem}value out of range")
    return value


def _hex(text: str) -> bool:
    return text[:2] in {"0x", "0X"}


def _integer(digits: str) -> int | None:
    if len(digits) > 32:
        return None
    if _hex(digits):
        return int(digits, 0) if len(digits) > 2 else None
    if not digits.isdigit():
        return None
    if digits[0] == "0":
        return int(digits, 8) if not {"8", "9"} & set(digits) else None
    return int(digits)


def duration_ms(text: str) -> int:
    """
    Return the milliseconds of ``1h30m``; units stand from the longest to the shortest, each once.

    Raises:
        ValueError: the order is another, or it is longer than 292 years.
    """
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(f"not a valid duration string: {quote(text)}")
    counts = found.groups()
    if any(count and len(count) > 20 for count in counts):
        raise ValueError("duration out of range")
    total = sum(int(count or 0) * length for count, length in zip(counts, _UNITS.values(), strict=True))
    if total > _MAX_INTEGER // 1_000_000:
        raise ValueError("duration out of range")
    return total


def milliseconds(seconds: float) -> int:
    """Return the milliseconds of a length in seconds, cut after it was rounded to nanoseconds."""
    nanoseconds = math.floor(abs(seconds) * 1e9 + 0.5)
    return int(math.copysign(nanoseconds // 1_000_000, seconds))


def show_duration(ms: int) -> str:
    """Return ``1h30m`` for 5,400,000; years and weeks only where nothing is left over."""
    if ms == 0:
        return "0s"
    parts, left = ["-" if ms < 0 else ""], abs(ms)
    for unit, length in _UNITS.items():
        if left < length or (unit in {"y", "w"} and left % length):
            continue
        parts.append(f"{left // length}{unit}")
        left %= length
    return "".join(parts)


def show_number(value: float) -> str:
    """Return the shortest text that reads as the number again, as Go's ``%v``."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    shortest = Decimal(repr(value)).normalize()
    exponent = shortest.adjusted() if value else 0
    if -4 <= exponent < _MANY_DIGITS:
        return f"{shortest:f}"
    mantissa = f"{shortest.scaleb(-exponent):f}"
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
