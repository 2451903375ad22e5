"""
Text → tokens, with the three contexts PromQL has: ``{…}``, ``[…]`` and everything else.

Whether a word is a keyword or a name is the parser's to decide: ``sum`` and ``by`` are names of metrics too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from backbone.query.promql.errors import PromQLSyntaxError, syntax_error
from backbone.query.promql.quoting import EscapeError, quote, unescape

OPERATOR_WORDS: Final = frozenset({"and", "or", "unless", "atan2"})
AGGREGATORS: Final = frozenset({
    "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar",
    "topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio",
})  # fmt: skip
KEYWORDS: Final = frozenset({
    "offset", "smoothed", "anchored", "by", "without", "on", "ignoring",
    "group_left", "group_right", "fill", "fill_left", "fill_right", "bool",
})  # fmt: skip
PREPROCESSORS: Final = frozenset({"start", "end", "step", "range"})
DURATION_WORDS: Final = frozenset({"step", "range", "min", "max", "min_of", "max_of"})

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F_]*|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]*)?")
_DURATION = re.compile(r"(?:[0-9]+(?:ms|[smhdwy]))+")
_NUMBER_START = re.compile(r"\.?[0-9]")
_SYMBOL = re.compile(r"==|!=|<=|</|>=|>/|[-+*/%^<>=@,(){}\[\]]")
_BRACES_SYMBOL = re.compile(r"=~|!~|!=|[=,}]")
_BRACKETS_SYMBOL = re.compile(r"[-+*/%^,():\]]")
_STRING = {
    '"': re.compile(r'"((?:[^"\\\n]|\\[^\n])*)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\\n]|\\[^\n])*)'", re.DOTALL),
    "`": re.compile(r"`([^`]*)`", re.DOTALL),
}


class Token(NamedTuple):
    """
    A piece of the text from ``start``.

    ``kind`` is one of identifier, metric identifier, keyword, aggregator, preprocessor, operator, string, number,
    duration, end, error, or else the punctuation itself. ``word`` is what it means: lower case for keywords, unquoted
    for strings, the complaint for errors.
    """

    kind: str
    text: str
    start: int
    word: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def __str__(self) -> str:
        """Return it as Prometheus shows what it did not expect."""
        if self.kind == "end":
            return "end of input"
        if self.kind in {"identifier", "metric identifier"}:
            return f"{self.kind} {quote(self.text)}"
        shown = f"{quote(self.text[:10])}..." if len(self.text) > 10 else quote(self.text)
        if self.kind in {"string", "number", "duration"}:
            return f"{self.kind} {shown}"
        brackets = {"keyword": "<{}>", "operator": "<op:{}>", "@": "<op:{}>", "aggregator": "<aggr:{}>"}.get(self.kind)
        return brackets.format(self.text) if brackets else shown


class Tokens:
    """
    The tokens of a text, read in order.

    ``last_closing`` is the end of the last token taken that can end an expression.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.last_closing = 0
        self._scanned = _Scanner(text).tokens()
        self._ahead: list[Token] = []

    def peek(self, distance: int = 0) -> Token:
        """
        Return the token that many after the next one.

        Raises:
            PromQLSyntaxError: the next one is none.
        """
        while len(self._ahead) <= distance:
            self._ahead.append(next(self._scanned))
        token = self._ahead[distance]
        if token.kind == "error" and distance == 0:
            raise syntax_error(self.text, token.start, token.word)
        return token

    def take(self) -> Token:
        token = self.peek()
        if token.kind != "end":
            self._ahead.pop(0)
        if token.kind in {"}", ")", "]", "duration", "number"}:
            self.last_closing = token.end
        return token

    def take_if(self, *kinds: str) -> Token | None:
        return self.take() if self.peek().kind in kinds else None

    def expect(self, kind: str, context: str = "", expected: str = "") -> Token:
        if self.peek().kind != kind:
            raise self.unexpected(context, expected)
        return self.take()

    def unexpected(self, context: str = "", expected: str = "") -> PromQLSyntaxError:
        token = self.peek()
        where = f" in {context}" if context else ""
        instead = f", expected {expected}" if expected else ""
        return syntax_error(self.text, token.start, f"unexpected {token}{where}{instead}")


class _ScanError(Exception):
    def __init__(self, what: str, position: int) -> None:
        super().__init__(what)
        self.position = position


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._parens = 0
        self._braces = False
        self._brackets = False
        self._colon = False

    def tokens(self) -> Iterator[Token]:
        """Yield the tokens; the last one, an error or the end, again and again."""
        try:
            while True:
                token = self._token()
                if token.kind == "end":
                    break
                yield token
        except _ScanError as error:
            token = Token("error", "", error.position, str(error))
        while True:
            yield token

    def _token(self) -> Token:
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at
        first = self._text[self._at : self._at + 1]
        if not first:
            return self._end()
        if first in _STRING and not self._brackets:
            return self._string(first)
        if self._braces:
            return self._in_braces(first)
        if _NUMBER_START.match(self._text, self._at):
            return self._number()
        return self._in_brackets(first) if self._brackets else self._statement(first)

    def _end(self) -> Token:
        if self._braces:
            raise self._error("unexpected end of input inside braces")
        if self._brackets:
            raise self._error("unexpected end of input in duration expression")
        if self._parens:
            raise self._error("unclosed left parenthesis")
        return Token("end", "", self._at, "")

    def _statement(self, first: str) -> Token:
        word = _WORD.match(self._text, self._at)
        if word:
            return self._made(_kind(word[0]), word[0], word[0].lower())
        symbol = _SYMBOL.match(self._text, self._at)
        if not symbol:
            after = self._text[self._at + 1 : self._at + 2]
            raise self._error(
                f"unexpected character after '!': {_rune(after)}"
                if first == "!"
                else f"unexpected character: {_rune(first)}"
            )
        self._open_or_close(symbol[0])
        if symbol[0] == "=" and self._text[self._at + 1 : self._at + 2] == "~":
            raise self._error("unexpected character after '=': '~'")
        kind = symbol[0] if symbol[0] in ",(){}[]=@" else "operator"
        return self._made(kind, symbol[0], symbol[0])

    def _open_or_close(self, symbol: str) -> None:
        if symbol in "()":
            self._parens += 1 if symbol == "(" else -1
            if self._parens < 0:
                raise _ScanError("unexpected right parenthesis ')'", self._at + 1)
        elif symbol == "]":
            raise self._error("unexpected right bracket ']'")
        elif symbol == "}":
            raise self._error("unexpected character: '}'")
        elif symbol == "{":
            self._braces = True
        elif symbol == "[":
            self._brackets, self._colon = True, False

    def _in_braces(self, first: str) -> Token:
        label = _LABEL.match(self._text, self._at)
        if label:
            return self._made("identifier", label[0], label[0])
        symbol = _BRACES_SYMBOL.match(self._text, self._at)
        if symbol:
            self._braces = symbol[0] != "}"
            return self._made(symbol[0] if symbol[0] in ",}" else "operator", symbol[0], symbol[0])
        if first == "{":
            raise self._error("unexpected left brace '{'")
        if first == "!":
            after = self._text[self._at + 1 : self._at + 2]
            raise self._error(f"unexpected character after '!' inside braces: {_rune(after)}")
        raise self._error(f"unexpected character inside braces: {_rune(first)}")

    def _in_brackets(self, first: str) -> Token:
        word = _LABEL.match(self._text, self._at)
        if word and word[0].lower() in DURATION_WORDS:
            return self._made(_kind(word[0]), word[0], word[0].lower())
        symbol = _BRACKETS_SYMBOL.match(self._text, self._at)
        if not symbol:
            if first == "[":
                raise self._error("unexpected left bracket '['")
            raise self._error(f"unexpected character in duration expression: {_rune(first)}")
        if symbol[0] == ":":
            if self._colon:
                raise self._error("unexpected repeated colon in duration expression")
            self._colon = True
        elif symbol[0] == "]":
            self._brackets = False
        elif symbol[0] in "()":
            self._open_or_close(symbol[0])
        return self._made(symbol[0] if symbol[0] in ",():]" else "operator", symbol[0], symbol[0])

    def _number(self) -> Token:
        end = self._at
        for kind, pattern in (("number", _NUMBER), ("duration", _DURATION)):
            found = pattern.match(self._text, self._at)
            if found and not _is_alphanumeric(self._text[found.end() : found.end() + 1]):
                return self._made(kind, found[0], found[0])
            end = max(end, found.end() if found else 0)
        raise self._error(f"bad number or duration syntax: {quote(self._text[self._at : end])}")

    def _string(self, mark: str) -> Token:
        found = _STRING[mark].match(self._text, self._at)
        if not found:
            raise self._error("unterminated raw string" if mark == "`" else "unterminated quoted string")
        try:
            word = found[1] if mark == "`" else unescape(found[1], mark)
        except EscapeError as error:
            raise self._error(str(error)) from error
        return self._made("string", found[0], word)

    def _made(self, kind: str, text: str, word: str) -> Token:
        token = Token(kind, text, self._at, word)
        self._at += len(text)
        return token

    def _error(self, what: str) -> _ScanError:
        return _ScanError(what, self._at)


def _kind(word: str) -> str:
    """Return the kind of a word outside braces."""
    lower = word.lower()
    if lower in {"inf", "nan"}:
        return "number"
    for kind, words in (("operator", OPERATOR_WORDS), ("aggregator", AGGREGATORS), ("keyword", KEYWORDS)):
        if lower in words:
            return kind
    if lower in PREPROCESSORS:
        return "preprocessor"
    return "metric identifier" if ":" in word else "identifier"


def _is_alphanumeric(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")


def _rune(character: str) -> str:
    """Return a character in quotes; the text's end as Go shows it."""
    return quote(character or "\ufffd", "'")
