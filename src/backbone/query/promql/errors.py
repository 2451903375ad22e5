"""What a PromQL query gets to hear."""

from __future__ import annotations

from backbone.model.errors import UserInputError


class PromQLSyntaxError(UserInputError):
    """The text is no valid query; worded as Prometheus words it: ``line:column: parse error: what``."""


def syntax_error(text: str, position: int, what: str) -> PromQLSyntaxError:
    """Return the error that points at the character ``position`` of ``text``."""
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return PromQLSyntaxError(f"{line}:{column}: parse error: {what}")


class EvaluationError(UserInputError):
    """A query that is well formed asks for what its series do not allow."""
