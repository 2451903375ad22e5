"""How refusals are worded, the same wherever they come from: what was seen, and what may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

_MAX_SHOWN = 80


def show(value: object) -> str:
    """Return *value* as its writer knows it, of bounded length and on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return brief(str(value)) if isinstance(value, int | float) else f"'{brief(str(value))}'"


def brief(text: str) -> str:
    """Return *text* on one line, of bounded length, with what cannot be printed escaped."""
    shown = text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
    return shown if shown.isprintable() else repr(shown)[1:-1]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of *known* that *word* may be a slip of, if any comes near."""
    found = difflib.get_close_matches(word[:_MAX_SHOWN].lower(), sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(meant: str | None) -> str:
    return f"; did you mean '{meant}'?" if meant else ""


def either(choices: Iterable[str]) -> str:
    """Return *choices* as ``'a', 'b' or 'c'``."""
    *head, last = [f"'{choice}'" for choice in choices]
    return f"{', '.join(head)} or {last}" if head else last
