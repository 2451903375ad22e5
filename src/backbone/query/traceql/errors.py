"""What a TraceQL query gets to hear."""

from __future__ import annotations

from backbone.model.errors import UserInputError


class TraceQLSyntaxError(UserInputError):
    """The text is no valid query; worded as Tempo words it: ``parse error at line 1, col 5: what``."""


def syntax_error(text: str, position: int, what: str) -> TraceQLSyntaxError:
    """Return the error that points at the character ``position`` of ``text``."""
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return TraceQLSyntaxError(f"parse error at line {line}, col {column}: {what}")
