"""What a TraceQL query gets to hear."""

from __future__ import annotations

from backbone.model.errors import UserInputError


class TraceQLSyntaxError(UserInputError):
    """The text is no valid query; worded as Tempo words it: ``parse error at line 1, col 5: what``."""
