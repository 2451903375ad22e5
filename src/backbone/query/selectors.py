r"""
Prometheus' series selectors: ``up{job="api", instance=~"10\..*"}``.

Source: Prometheus 3.x, querying basics, "Time series selectors"; strings as in Go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from backbone.model.errors import UserInputError

Operator = Literal["=", "!=", "=~", "!~"]

METRIC_LABEL = "__name__"

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OPERATOR = re.compile(r"=~|!~|!=|=")
_SPACE = re.compile(r"(?:\s|#[^\n]*)*")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
_SIMPLE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34}


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
            matches = re.fullmatch(self.value, "") is not None
        except re.error:
            # The engine's own syntax, which it reads or refuses; such a one is taken to ask for something.
            return False
        return matches == (self.operator == "=~")


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """
    Return the matchers of a selector, the metric's name among them as the label ``__name__``.

    Raises:
        UserInputError: it is no selector, with the position; or it would select everything.
    """
    return _Parser(text).selector()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def selector(self) -> tuple[Matcher, ...]:
        self._skip()
        matchers = []
        name = self._take(_NAME)
        if name:
            matchers.append(Matcher(METRIC_LABEL, "=", name))
        self._skip()
        if self._next() == "{":
            self._at += 1
            matchers += self._braces(named=bool(name))
        elif not name:
            raise self._error("expected a metric's name or '{'")
        self._skip()
        if self._at < len(self._text):
            raise self._error("expected the end; functions and ranges are not part of a selector")
        if all(matcher.takes_empty for matcher in matchers):
            raise UserInputError(f"selector {self._text[:200]!r}: at least one matcher must ask for a value")
        return tuple(matchers)

    def _braces(self, *, named: bool) -> list[Matcher]:
        matchers: list[Matcher] = []
        while True:
            self._skip()
            if self._next() == "}":
                self._at += 1
                return matchers
            matchers.append(self._matcher(named=named or any(m.label == METRIC_LABEL for m in matchers)))
            self._skip()
            if self._next() == ",":
                self._at += 1
            elif self._next() != "}":
                raise self._error("expected ',' or '}'")

    def _matcher(self, *, named: bool) -> Matcher:
        start = self._at
        quoted = self._next() in {'"', "'", "`"}
        label = self._string() if quoted else self._take(_LABEL)
        if not label:
            raise self._error("expected a label's name")
        self._skip()
        operator = self._take(_OPERATOR)
        if not operator:
            if not quoted:
                raise self._error("expected one of = != =~ !~")
            if named:
                self._at = start
                raise self._error("the metric's name is given twice")
            return Matcher(METRIC_LABEL, "=", label)
        self._skip()
        if self._next() not in {'"', "'", "`"}:
            raise self._error("expected a value in quotes")
        return Matcher(label, cast("Operator", operator), self._string())

    def _string(self) -> str:
        quote, start = self._text[self._at], self._at
        pattern = r"`([^`]*)`" if quote == "`" else rf"{quote}((?:[^{quote}\\\n]|\\.)*){quote}"
        found = re.compile(pattern, re.DOTALL).match(self._text, self._at)
        if not found:
            raise self._error("the quote is not closed")
        self._at = found.end()
        return found[1] if quote == "`" else self._unescaped(found[1], start + 1)

    def _unescaped(self, text: str, start: int) -> str:
        parts, done = [], 0
        for found in _ESCAPE.finditer(text):
            parts += [text[done : found.start()].encode(), self._escaped(found, start + found.start())]
            done = found.end()
        parts.append(text[done:].encode())
        try:
            return b"".join(parts).decode()
        except UnicodeDecodeError as error:
            self._at = start
            raise self._error("the text is not UTF-8") from error

    def _escaped(self, found: re.Match[str], at: int) -> bytes:
        byte, short, long, octal, simple = found.groups()
        if simple in _SIMPLE:
            return bytes([_SIMPLE[simple]])
        point = int(octal, 8) if octal else int(byte or short or long or "-1", 16)
        if (byte or octal) and 0 <= point < 256:
            return bytes([point])
        if 0 <= point < 0x110000 and not 0xD800 <= point < 0xE000:
            return chr(point).encode()
        self._at = at
        raise self._error(f"unknown escape {found[0]!r}")

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self) -> None:
        self._take(_SPACE)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if not found:
            return ""
        self._at = found.end()
        return found[0]

    def _error(self, what: str) -> UserInputError:
        line = self._text.count("\n", 0, self._at) + 1
        column = self._at - (self._text.rfind("\n", 0, self._at) + 1) + 1
        seen = repr(self._text[self._at : self._at + 20]) if self._next() else "the end"
        return UserInputError(f"selector:{line}:{column}: {what}, got {seen}")
