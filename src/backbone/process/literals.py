"""
How a policy becomes text of SQL.

Texts get into a view as literals, since a view takes no parameters. Conditions are put together by ``if``: for ``AND``
and ``OR`` the engine's planner compares their sides, and with them, each time, the whole query they stand over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def literal(text: str) -> str:
    """Return *text* as a literal of SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\0", "\\0")
    return f"'{escaped}'"


def literals(texts: Iterable[str]) -> str:
    """Return an array of literals."""
    return f"[{listed(texts)}]"


def listed(texts: Iterable[str]) -> str:
    """Return literals with commas between them."""
    return ", ".join(literal(text) for text in texts)


def all_of(conditions: Sequence[str]) -> str:
    """Return the condition that is true where all are; none after one that is false is looked at."""
    *others, together = [condition for condition in conditions if condition]
    for condition in reversed(others):
        together = f"if({condition}, {together}, 0)"
    return together


def any_of(conditions: Sequence[str]) -> str:
    """Return the condition that is true where one is; none after it is looked at."""
    *others, together = [condition for condition in conditions if condition]
    for condition in reversed(others):
        together = f"if({condition}, 1, {together})"
    return together


def chosen(expression: str, choices: Mapping[str, int], otherwise: int) -> str:
    """Return the number chosen by the text that *expression* gives."""
    if not choices:
        return f"toInt64({otherwise})"
    numbers = ", ".join(f"toInt64({number})" for number in choices.values())
    return f"transform(toString({expression}), [{listed(choices)}], [{numbers}], toInt64({otherwise}))"
