"""Regular expressions of users: RE2, and bounded; a `Pattern` is for whole texts, a `Regex` is looked for in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Self

import re2
from pydantic import AfterValidator

from backbone.config.units import OptionError, TextValue

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

_MAX_PROGRAM_BYTES = 1 << 20
_MAX_REPEAT = 50
_REPEAT = re.compile(r"\{(\d*),?(\d*)\}")
_NOT_TAKEN = re.compile(r"\\(?:[AzCGKZ]|[1-9])|\(\?[=!<>#|(R]|\(\?P[=>]")


@dataclass(frozen=True, slots=True)
class Regex(TextValue):
    """A regular expression of RE2, whose cost is bounded whatever it is held against."""

    pattern: str

    PATTERN = "^."
    EXPECTED = "a regular expression of RE2"

    @classmethod
    def parse(cls, text: str) -> Self:
        if problem := _problem(text):
            raise OptionError(f"{cls.EXPECTED} ({problem})", text)
        return cls(text)

    def __str__(self) -> str:
        return self.pattern


def _problem(text: str) -> str:
    """Return what is wrong with an expression, or nothing."""
    if not text or len(text) > MAX_CHARACTERS:
        return f"1 to {MAX_CHARACTERS} characters"
    if found := _NOT_TAKEN.search(text):
        return f"'{found[0]}' is not taken"
    repeats = [int(number) for match in _REPEAT.finditer(text) for number in match.groups() if number]
    if any(number > _MAX_REPEAT for number in repeats):
        return f"repeats of at most {_MAX_REPEAT}"
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_PROGRAM_BYTES
    try:
        compiled = re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0]
        return (reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)).lower()
    return "one that does not match the empty text" if compiled.fullmatch("") else ""
