"""
Prometheus' label matchers.

Source: Prometheus 3.x, querying basics, "Time series selectors".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import re2

Operator = Literal["=", "!=", "=~", "!~"]

METRIC_LABEL = "__name__"


class PatternError(ValueError):
    """A regular expression that RE2 does not read."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """
    Return what tells by ``fullmatch(text)`` whether a label's value matches; ``.`` is any character, a line's end too.

    Raises:
        PatternError: it is no regular expression of RE2's syntax.
    """
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        what = error.args[0]
        raise PatternError(what.decode(errors="replace") if isinstance(what, bytes) else str(what)) from None


@dataclass(frozen=True, slots=True)
class Matcher:
    """A label's value must, or must not, be this text, or match this regular expression as a whole."""

    label: str
    operator: Operator
    value: str

    @property
    def takes_empty(self) -> bool:
        """Whether a series without the label passes."""
        if self.operator in {"=", "!="}:
            return (self.value == "") == (self.operator == "=")
        try:
            matches = compiled(self.value).fullmatch("") is not None
        except PatternError:
            # A matcher that no parser checked: the engine refuses it; such a one is taken to ask for something.
            return False
        return matches == (self.operator == "=~")

    def checked(self) -> Matcher:
        """
        Return the matcher.

        Raises:
            PatternError: it has a regular expression, which is none.
        """
        if self.operator in {"=~", "!~"}:
            compiled(self.value)
        return self
