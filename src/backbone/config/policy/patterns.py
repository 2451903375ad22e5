"""Regular expressions of users: RE2, matched against a whole text, and bounded."""

from __future__ import annotations

from typing import Annotated

import re2
from pydantic import AfterValidator

from backbone.config.units import OptionError

MAX_CHARACTERS = 1_000
MAX_STEPS = 4_000
"""How large a pattern may get once its repetitions are written out; it is what a text is matched against."""


def check_pattern(text: str) -> str:
    """
    Return *text*, a pattern that every text may be matched against at a bounded cost.

    Raises:
        OptionError: RE2 does not take it, or it explodes.
    """
    if len(text) > MAX_CHARACTERS:
        raise OptionError(f"a pattern of at most {MAX_CHARACTERS} characters", text)
    if not text:
        raise OptionError("a pattern in RE2's syntax", text)
    options = re2.Options()
    options.log_errors = False
    try:
        steps = re2.compile(text, options).programsize
    except re2.error as error:
        raise OptionError(f"a pattern in RE2's syntax ({_reason(error)})", text) from None
    if steps > MAX_STEPS:
        raise OptionError(f"a pattern of at most {MAX_STEPS} steps with its repetitions written out ({steps})", text)
    return text


def whole(pattern: str) -> str:
    """Return the pattern that finds *pattern* where it is a whole text, and nowhere else."""
    return f"^(?:{pattern})$"


def matches(pattern: str, text: str) -> bool:
    """Tell whether a pattern that was checked matches the whole text."""
    return re2.fullmatch(pattern, text) is not None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


Pattern = Annotated[str, AfterValidator(check_pattern)]
"""A regular expression in RE2's syntax that is matched against a whole text, as Prometheus does."""
