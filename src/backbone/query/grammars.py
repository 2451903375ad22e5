"""What languages read by lark have in common: text → tree, or where it stops being one and what would be accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, Generic, TypeVar

from lark import Lark, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError
from lark.lexer import PatternStr

from backbone.model.errors import UserInputError

Tree = TypeVar("Tree")
Error = TypeVar("Error", bound=UserInputError)

MAX_LENGTH: Final = 1 << 16
_MOST_KEPT_LENGTH: Final = 2_000
_MOST_TOLD = 6
_END = "$END"


class BuildError(Exception):
    """What the grammar lets pass and the language does not; at a character's position."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(what)
        self.position = position


def pointing(error: type[Error], text: str, position: int, what: str) -> Error:
    """Return the error that points at the character ``position`` of ``text``, in Grafana's words."""
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return error(f"parse error at line {line}, col {column}: {what}")


class Language(Generic[Tree]):
    """
    A language with a grammar.

    Args:
        package: where its ``grammar.lark`` is.
        build: makes the typed tree of the grammar's; it raises `BuildError`.
        error: what is raised where a text is no query.
        refuse_depth: raises `BuildError` of a text whose tree would be too deep to walk.
        words: what terminals are called that are no fixed texts.
    """

    def __init__(
        self,
        package: str,
        build: Callable[[], Transformer[Any, Any]],
        error: type[UserInputError],
        refuse_depth: Callable[[str], None],
        words: Mapping[str, str],
    ) -> None:
        self._package = package
        self._build = build
        self._error = error
        self._refuse_depth = refuse_depth
        self._words = words
        self._grammar: Lark | None = None
        # Panels ask the same again and again, and trees never change.
        self._kept = lru_cache(maxsize=256)(self._parsed)

    def parse(self, text: str) -> Tree:
        """Return the tree of a query; raises the language's error, with line, column, and what would be accepted."""
        if len(text) > MAX_LENGTH:
            raise self._error(f"the query has {len(text)} characters, at most {MAX_LENGTH} are read")
        return self._kept(text) if len(text) <= _MOST_KEPT_LENGTH else self._parsed(text)

    def _parsed(self, text: str) -> Tree:
        grammar = self._read_grammar()
        try:
            self._refuse_depth(text)
            found: Tree = self._build().transform(grammar.parse(text))
        except BuildError as error:
            raise pointing(self._error, text, error.position, str(error)) from None
        except UnexpectedInput as error:
            raise pointing(self._error, text, *_unexpected(text, error, grammar, self._words)) from None
        except VisitError as error:
            if isinstance(error.orig_exc, BuildError):
                raise pointing(self._error, text, error.orig_exc.position, str(error.orig_exc)) from None
            raise
        return found

    def _read_grammar(self) -> Lark:
        if self._grammar is None:
            source = files(self._package).joinpath("grammar.lark").read_text()
            self._grammar = Lark(source, parser="lalr", propagate_positions=True, maybe_placeholders=True)
        return self._grammar


def _unexpected(text: str, error: UnexpectedInput, grammar: Lark, words: Mapping[str, str]) -> tuple[int, str]:
    """Return a character's position, and what is wrong there: ``syntax error: unexpected "x", expecting a or b``."""
    position = len(text) if error.pos_in_stream is None or error.pos_in_stream < 0 else error.pos_in_stream
    wanted: set[str] = set()
    if isinstance(error, UnexpectedToken):
        end = error.token.type == _END
        seen = "end of query" if end else f'"{error.token}"'
        position = len(text) if end else position
        wanted = error.accepts or error.expected
    elif isinstance(error, UnexpectedCharacters):
        seen = f'"{text[position : position + 1]}"'
        wanted = error.allowed or set()
    else:
        seen = "end of query"
    names = sorted({_shown(grammar, name, words) for name in wanted})
    more = ", …" if len(names) > _MOST_TOLD else ""
    told = f", expecting {' or '.join(names[:_MOST_TOLD])}{more}" if names else ""
    return position, f"syntax error: unexpected {seen}{told}"


def _shown(grammar: Lark, name: str, words: Mapping[str, str]) -> str:
    if name == _END:
        return "end of query"
    pattern = grammar.get_terminal(name).pattern
    return pattern.value if isinstance(pattern, PatternStr) else words.get(name, name.lower())
