"""From a script's text to its commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from backbone.model.errors import UserInputError
from backbone.query.promql.ast import StringLiteral
from backbone.query.promql.literals import duration_ms
from backbone.query.promql.parser import parse as parse_query
from backbone.query.promql.script.commands import (
    Clear,
    Command,
    Eval,
    ExpectedSeries,
    Load,
    LoadedSeries,
    Note,
    Script,
    Subject,
)
from backbone.query.promql.script.notation import parse_points, parse_starts, split_labels

_LOAD = re.compile(r"load(_with_nhcb)?\s+(\S+)")
_INSTANT = re.compile(r"eval(?:_(fail|warn|ordered|info))?\s+instant\s+at\s+(\S+)\s+(.+)")
_RANGE = re.compile(r"eval(?:_(fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)")
_NOTE = re.compile(r"expect\s+(fail|warn|info|no_warn|no_info)(?:\s+(msg|regex):\s*(.*))?")
_OLD_FAIL = re.compile(r"expected_fail_(message|regexp)\s+(.+)")
_MATRIX = re.compile(r"expect\s+range\s+vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)")
_TEXT = re.compile(r"expect\s+string\s+(.+)")
_SERIES_WITH_STARTS = re.compile(r"^((?:[a-zA-Z_:][\w:]*)?\s*(?:\{(?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*\})?)@st\b")


def parse_script(text: str, name: str) -> Script:
    """
    Return the commands of a script.

    Raises:
        UserInputError: ``name:line: what``.
    """
    lines = [_bare(line) for line in text.splitlines()]
    return Script(name, tuple(_Reader(lines, name).commands()))


def _bare(line: str) -> str:
    line = line.strip()
    return "" if line.startswith("#") else line


class _Reader:
    def __init__(self, lines: list[str], name: str) -> None:
        self._lines = lines
        self._name = name
        self._at = 0

    def commands(self) -> Iterator[Command]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if not line:
                continue
            number = self._at
            try:
                yield self._command(line, number)
            except UserInputError as error:
                raise self._error(error, number) from error

    def _command(self, line: str, number: int) -> Command:
        if line == "clear":
            return Clear(number)
        if found := _LOAD.fullmatch(line):
            return Load(number, _duration(found[2]), self._loaded(), found[1] is not None)
        if found := _INSTANT.fullmatch(line):
            at = _duration(found[2])
            return self._eval(Eval(number, found[3], at, at, 0), found[1])
        if found := _RANGE.fullmatch(line):
            start, end, step = (_duration(found[index]) for index in (2, 3, 4))
            return self._eval(Eval(number, found[5], start, end, step), found[1])
        raise UserInputError(f"expected 'load', 'clear' or 'eval instant|range …', got {line[:60]!r}")

    def _error(self, error: UserInputError, number: int) -> UserInputError:
        text = str(error)
        return UserInputError(text if text.startswith(f"{self._name}:") else f"{self._name}:{number}: {text}")

    def _block(self) -> Iterator[tuple[int, str]]:
        """Yield the lines up to the next empty one."""
        while self._at < len(self._lines) and self._lines[self._at]:
            self._at += 1
            yield self._at, self._lines[self._at - 1]

    def _loaded(self) -> tuple[LoadedSeries, ...]:
        found: list[LoadedSeries] = []
        starts: dict[tuple[tuple[str, str], ...], list[int | None]] = {}
        for number, line in self._block():
            try:
                if marked := _SERIES_WITH_STARTS.match(line):
                    labels, _ = split_labels(marked[1])
                    starts[tuple(sorted(labels.items()))] = parse_starts(line[marked.end() :])
                    continue
                labels, rest = split_labels(line)
                found.append(LoadedSeries(labels, parse_points(rest)))
            except UserInputError as error:
                raise self._error(error, number) from error
        return tuple(
            LoadedSeries(one.labels, one.points, starts.get(tuple(sorted(one.labels.items())), ())) for one in found
        )

    def _eval(self, command: Eval, kind: str | None) -> Eval:
        expected = _Expected(kind)
        for number, line in self._block():
            try:
                expected.read(line, number)
            except UserInputError as error:
                raise self._error(error, number) from error
        return replace(
            command,
            notes=tuple(expected.notes),
            series=tuple(expected.series),
            scalar=expected.scalar,
            text=expected.text,
            ordered=expected.ordered,
            matrix_grid=expected.grid,
        )


class _Expected:
    """What the lines below an ``eval`` say."""

    def __init__(self, kind: str | None) -> None:
        self.notes = [_note(kind)] if kind in {"fail", "warn", "info"} else []
        self.series: list[ExpectedSeries] = []
        self.scalar: float | None = None
        self.text: str | None = None
        self.ordered = kind == "ordered"
        self.grid: tuple[int, int, int] | None = None

    def read(self, line: str, number: int) -> None:
        if found := _NOTE.fullmatch(line):
            self.notes.append(_note(found[1], found[2], found[3]))
        elif found := _OLD_FAIL.fullmatch(line):
            self.notes = [_note("fail", "msg" if found[1] == "message" else "regex", found[2])]
        elif line == "expect ordered":
            self.ordered = True
        elif found := _TEXT.fullmatch(line):
            self.text = _string(found[1])
        elif found := _MATRIX.fullmatch(line):
            self.grid = (_duration(found[1]), _duration(found[2]), _duration(found[3]))
        elif line.startswith("expect"):
            raise UserInputError(f"unknown expectation {line[:60]!r}")
        elif (value := _lone_number(line)) is not None:
            self.scalar = value
        else:
            labels, rest = split_labels(line)
            self.series.append(ExpectedSeries(number, labels, parse_points(rest)))


def _note(subject: str | None, kind: str | None = None, what: str = "") -> Note:
    known: Subject = subject  # type: ignore[assignment]
    return Note(known, what if kind == "msg" else "", what if kind == "regex" else "")


def _lone_number(line: str) -> float | None:
    try:
        return float(line)
    except ValueError:
        return None


def _string(text: str) -> str:
    literal = parse_query(text)
    if not isinstance(literal, StringLiteral):
        raise UserInputError(f"expected a string in quotes, got {text[:40]!r}")
    return literal.value


def _duration(text: str) -> int:
    """Return a duration or a number of seconds in milliseconds."""
    sign = -1 if text.startswith("-") else 1
    plain = text.lstrip("-")
    try:
        return sign * round(float(plain) * 1000)
    except ValueError:
        pass
    try:
        return sign * duration_ms(plain)
    except (ValueError, UserInputError):
        raise UserInputError(f"expected a duration such as 5m or a number of seconds, got {text[:40]!r}") from None
