"""Values of a policy as they stand in SQL. What senders send never comes here: it is in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def text(value: str) -> str:
    """Return a text in quotes, escaped."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\0", "\\0")
    return f"'{escaped}'"


def texts(values: Sequence[str]) -> str:
    """Return a list of texts."""
    return f"[{', '.join(map(text, values))}]"


def chosen(expression: str, choices: Mapping[str, int], otherwise: int) -> str:
    """Return the number chosen by the text that *expression* gives."""
    if not choices:
        return f"toInt64({otherwise})"
    numbers = ", ".join(f"toInt64({number})" for number in choices.values())
    return f"transform(toString({expression}), {texts(list(choices))}, [{numbers}], toInt64({otherwise}))"
