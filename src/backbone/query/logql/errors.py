"""What a LogQL query gets to hear."""

from __future__ import annotations

from backbone.model.errors import UserInputError
from backbone.query.grammars import pointing


class LogQLSyntaxError(UserInputError):
    """The text is no valid query; worded as Loki words it: ``parse error at line 1, col 5: what``."""


def syntax_error(text: str, position: int, what: str) -> LogQLSyntaxError:
    """Return the error that points at the character ``position`` of ``text``."""
    return pointing(LogQLSyntaxError, text, position, what)
