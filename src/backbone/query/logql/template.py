"""
Go's text templates, as ``line_format`` and ``label_format`` take them: text → tree.

Actions print labels and what functions make of them, and choose by conditions; variables and loops are not taken.
Source: Go, package text/template; Grafana Loki 3, "Template functions".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from backbone.query.promql.quoting import EscapeError, unescape

MAX_DEPTH: Final = 20

_ACTION = re.compile(r"\{\{(- )?((?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|[^\"`])*?)( -)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<label>\.[a-zA-Z_]\w*)"""
    r"""|(?P<word>[a-zA-Z_]\w*)|(?P<sign>[()|])|(?P<end>$))""",
    re.DOTALL,
)


class TemplateError(ValueError):
    """A template that cannot be read."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | float | bool


@dataclass(frozen=True, slots=True)
class Label:
    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of its arguments; what comes through a pipe is the last."""

    function: str
    arguments: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    condition: Expression
    then: tuple[Part, ...]
    otherwise: tuple[Part, ...]


Expression = Literal | Label | Apply
Part = str | Expression | Choice


def parse_template(text: str) -> tuple[Part, ...]:
    """
    Return a template's parts.

    Raises:
        TemplateError: it is none, with what was seen.
    """
    return _Template(_pieces(text)).whole()


def _pieces(text: str) -> list[tuple[bool, str]]:
    """Return texts and, told by True, actions; marks next to an action take spaces away."""
    pieces: list[tuple[bool, str]] = []
    at, trim = 0, False
    for found in _ACTION.finditer(text):
        before = text[at : found.start()]
        before = before.lstrip() if trim else before
        pieces.append((False, before.rstrip() if found[1] else before))
        trim = found[3] is not None
        if not (found[2].lstrip().startswith("/*") and found[2].rstrip().endswith("*/")):
            pieces.append((True, found[2].strip()))
        at = found.end()
    rest = text[at:].lstrip() if trim else text[at:]
    if "{{" in rest:
        raise TemplateError("unclosed action")
    pieces.append((False, rest))
    return [(is_action, piece) for is_action, piece in pieces if is_action or piece]


class _Template:
    def __init__(self, pieces: Sequence[tuple[bool, str]]) -> None:
        self._pieces = pieces
        self._at = 0
        self._depth = 0

    def whole(self) -> tuple[Part, ...]:
        parts, end = self._parts()
        if end:
            raise TemplateError(f"unexpected {{{{{end}}}}}")
        return parts

    def _parts(self) -> tuple[tuple[Part, ...], str]:
        """Return parts up to what ends a choice, and that; '' at the template's end."""
        parts: list[Part] = []
        while self._at < len(self._pieces):
            is_action, piece = self._pieces[self._at]
            self._at += 1
            if not is_action:
                parts.append(piece)
                continue
            word = piece.split(None, 1)[0] if piece else ""
            if word in {"end", "else"}:
                return tuple(parts), " ".join(piece.split())
            parts.append(self._choice(piece[2:]) if word == "if" else parse_pipeline(piece))
        return tuple(parts), ""

    def _choice(self, condition: str) -> Choice:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TemplateError(f"more than {MAX_DEPTH} choices in one another")
        wanted = parse_pipeline(condition)
        then, end = self._parts()
        otherwise: tuple[Part, ...] = ()
        if end.startswith("else if "):
            otherwise = (self._choice(end.removeprefix("else if ")),)
        elif end == "else":
            otherwise, end = self._parts()
            if end != "end":
                raise TemplateError("a choice has no {{end}}")
        elif end != "end":
            raise TemplateError("a choice has no {{end}}")
        self._depth -= 1
        return Choice(wanted, then, otherwise)


def parse_pipeline(text: str) -> Expression:
    """
    Return what ``.label | function argument`` means.

    Raises:
        TemplateError: it is no pipeline.
    """
    return _Pipeline(text).whole()


class _Pipeline:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        found = self._pipeline()
        if self._at < len(self._tokens):
            raise TemplateError(f"unexpected {self._tokens[self._at][1]!r}")
        return found

    def _pipeline(self) -> Expression:
        found = self._command(None)
        while self._peek() == ("sign", "|"):
            self._at += 1
            found = self._command(found)
        return found

    def _command(self, piped: Expression | None) -> Expression:
        kind, token = self._peek()
        if kind != "word" or token in {"true", "false"}:
            operand = self._operand()
            if piped is not None:
                raise TemplateError(f"expected a function after '|', got {token!r}")
            return operand
        self._at += 1
        arguments = []
        while self._peek()[0] in {"text", "number", "label", "word"} or self._peek() == ("sign", "("):
            arguments.append(self._operand())
        return Apply(token, (*arguments, *(() if piped is None else (piped,))))

    def _operand(self) -> Expression:
        kind, word = self._peek()
        self._at += 1
        match kind:
            case "text":
                return Literal(_unquoted(word))
            case "number":
                return Literal(float(word))
            case "label":
                return Label(word[1:])
            case "word":
                return Literal(word == "true") if word in {"true", "false"} else Apply(word)
            case "sign" if word == "(":
                return self._in_parentheses()
            case _:
                raise TemplateError(f"unexpected {word!r}" if word else "an action is empty or ends too soon")

    def _in_parentheses(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TemplateError(f"more than {MAX_DEPTH} parentheses in one another")
        found = self._pipeline()
        if self._peek() != ("sign", ")"):
            raise TemplateError("a parenthesis is not closed")
        self._at += 1
        self._depth -= 1
        return found

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise TemplateError(f"cannot read {text[at : at + 20].strip()!r}")
        kind = token.lastgroup or "end"
        if kind == "end":
            break
        found.append((kind, token[kind]))
        at = token.end()
    return found


def _unquoted(token: str) -> str:
    if token[0] == "`":
        return token[1:-1]
    try:
        return unescape(token[1:-1], '"')
    except EscapeError as error:
        raise TemplateError(str(error)) from None
