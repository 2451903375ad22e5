"""What the words of LogQL mean: strings, numbers with units, patterns."""

from __future__ import annotations

import re

import re2

from backbone.query.logql.ast import Unit
from backbone.query.promql.quoting import EscapeError, unescape
from backbone.query.selectors import PatternError, compiled

_DURATION_SECONDS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0,
    "y": 31_536_000.0,
}  # fmt: skip
_PREFIXES = ("", "k", "m", "g", "t", "p", "e")
_BYTES = {prefix: 1000.0**power for power, prefix in enumerate(_PREFIXES)}
_BINARY_BYTES = {f"{prefix}i": 1024.0**power for power, prefix in enumerate(_PREFIXES) if prefix}
_CAPTURE = re.compile(r"<([a-zA-Z_][a-zA-Z0-9_]*)?>")


class TextError(ValueError):
    """A word that does not mean what it should."""


def string(token: str) -> str:
    """
    Return what a string in quotes means.

    Raises:
        TextError: it has an escape that is none.
    """
    if token[0] == "`":
        return token[1:-1]
    try:
        return unescape(token[1:-1], '"')
    except EscapeError as error:
        raise TextError(str(error)) from None


def seconds(text: str) -> float:
    """Return how long a duration such as ``1h30m`` or ``250ms`` is."""
    parts = re.findall(r"([0-9.]+)(ns|us|µs|ms|s|m|h|d|w|y)", text)
    return sum(float(number) * _DURATION_SECONDS[unit] for number, unit in parts)


def size_bytes(text: str) -> float:
    """Return how many bytes ``1.5KB`` or ``2MiB`` are."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-zA-Z]*?)[bB]", text).groups()  # type: ignore[union-attr]
    return float(number) * ({**_BYTES, **_BINARY_BYTES}[unit.lower()])


def measured(kind: str, text: str) -> tuple[float, Unit]:
    """Return the number and the unit of a token of this kind."""
    if kind == "DURATION":
        return seconds(text), "duration"
    if kind == "BYTES":
        return size_bytes(text), "bytes"
    return float(text), "number"


def expression(text: str) -> str:
    """
    Return a regular expression as it is.

    Raises:
        TextError: it is none.
    """
    try:
        compiled(text)
    except PatternError as error:
        raise TextError(f"error parsing regexp: {error}") from None
    return text


def capturing(text: str) -> str:
    """
    Return a regular expression with named groups as the engine reads them, ``(?P<name>…)``.

    Raises:
        TextError: it is none, or has no named group.
    """
    if not re2.compile(expression(text)).groupindex:
        raise TextError("at least one named capture must be supplied")
    return text


def pattern_expression(text: str, *, filters: bool = False) -> str:
    """
    Return the regular expression of a pattern: text with captures ``<name>`` and placeholders ``<_>``.

    Args:
        filters: the pattern is to be found in a line, and captures nothing.

    Raises:
        TextError: it has no capture, one twice, or two next to each other.
    """
    names = [name for name in _CAPTURE.findall(text) if name not in {"", "_"}]
    if filters and names:
        raise TextError("a pattern that filters takes <_> only")
    if not filters and not names:
        raise TextError("at least one capture is required")
    if len(set(names)) < len(names):
        raise TextError("duplicate capture name in pattern")
    if re.search(r"<[a-zA-Z_]\w*><[a-zA-Z_]\w*>", text):
        raise TextError("consecutive captures are not allowed")
    out, done = [] if filters else ["^"], 0
    for found in _CAPTURE.finditer(text):
        if found[1] is None:
            continue
        out.append(re2.escape(text[done : found.start()]))
        last = found.end() == len(text)
        many = "(?s:.*)" if last or filters else "(?s:.*?)"
        out.append(many if found[1] == "_" else f"(?P<{found[1]}>{many})")
        done = found.end()
    return "".join([*out, re2.escape(text[done:])])
