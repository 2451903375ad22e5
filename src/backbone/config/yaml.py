"""
YAML text to a tree of nodes that know their places.

Plain scalars mean what YAML 1.2's core schema says, so ``no`` is a text and ``012`` is twelve. What comes out is
bounded, however small the text: aliases count as what they stand for.

Source: YAML 1.2.2, section 10.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import yaml

from backbone.config.problems import Place, Problem, ProblemsError
from backbone.config.wording import show

MAX_BYTES = 1 << 20
MAX_NODES = 50_000
MAX_DEPTH = 32

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,100}")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufeff\uff00-\ufffd\U00010000-\U0010ffff]")


class _Mark(Protocol):
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    place: Place
    text: str
    plain: bool
    """Whether it stands without quotes, so that it may mean something else than a text."""
    size: int = 1


@dataclass(frozen=True, slots=True)
class Sequence:
    place: Place
    items: tuple[Node, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Mapping:
    place: Place
    entries: tuple[tuple[Scalar, Node], ...]
    """Keys as they stand in the file; one may stand there twice."""
    size: int


Node = Scalar | Sequence | Mapping


def read_yaml(source: bytes) -> Node | None:
    """
    Return the one document of *source*, or none if there is nothing in it.

    Raises:
        ProblemsError: it is not one YAML document in UTF-8 within bounds.
    """
    text = _decode(source)
    try:
        return _Composer(yaml.parse(text, Loader=yaml.CSafeLoader)).document()
    except yaml.MarkedYAMLError as error:
        raise _refused(_place(error.problem_mark or error.context_mark), f"not YAML: {error.problem}") from error


def meaning(text: str) -> object:
    """Return what a plain scalar means."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _refused(place: Place, what: str) -> ProblemsError:
    return ProblemsError(Problem(place, "", what))


def _place(mark: _Mark | None) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else Place()


def _place_in(text: str, offset: int) -> Place:
    return Place(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _decode(source: bytes) -> str:
    if len(source) > MAX_BYTES:
        raise _refused(Place(), f"expected at most {MAX_BYTES} bytes, got {len(source)}")
    try:
        text = source.decode()
    except UnicodeDecodeError as error:
        before = source[: error.start].decode()
        seen = f"expected UTF-8, got byte 0x{source[error.start]:02x}"
        raise _refused(_place_in(before, len(before)), seen) from error
    text = text.removeprefix("\ufeff")
    if match := _UNPRINTABLE.search(text):
        raise _refused(_place_in(text, match.start()), f"expected printable text, got U+{ord(match[0]):04X}")
    return text


class _Composer:
    """Builds the nodes of one document from the parser's events, within bounds."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._anchors: dict[str, Node | None] = {}
        self._nodes = 0

    def document(self) -> Node | None:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        node = self._node(next(self._events), 0)
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _refused(_place(after.start_mark), "expected one document, got a second one")
        return node

    def _node(self, event: yaml.Event, depth: int) -> Node:
        place = _place(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", place)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        self._count(1, place)
        if depth > MAX_DEPTH:
            raise _refused(place, f"expected at most {MAX_DEPTH} levels, got more")
        if event.tag is not None:
            raise _refused(place, f"expected a value without a tag, got {show(event.tag)}")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node = self._content(event, place, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _content(self, event: yaml.Event, place: Place, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(place, event.value, plain=not event.style)
        if isinstance(event, yaml.SequenceStartEvent):
            items = tuple(self._until(yaml.SequenceEndEvent, depth))
            return Sequence(place, items, 1 + sum(item.size for item in items))
        entries = tuple(self._pairs(depth))
        return Mapping(place, entries, 1 + sum(key.size + value.size for key, value in entries))

    def _until(self, end: type[yaml.Event], depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), end):
            yield self._node(event, depth + 1)

    def _pairs(self, depth: int) -> Iterator[tuple[Scalar, Node]]:
        nodes = self._until(yaml.MappingEndEvent, depth)
        for key in nodes:
            if not isinstance(key, Scalar):
                raise _refused(key.place, "expected a text as key")
            yield key, next(nodes)

    def _alias(self, anchor: str, place: Place) -> Node:
        node = self._anchors.get(anchor)
        if node is None:
            what = "contains itself" if anchor in self._anchors else "is not defined above"
            raise _refused(place, f"alias {show(f'*{anchor}')} {what}")
        self._count(node.size, place)
        return node

    def _count(self, nodes: int, place: Place) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _refused(
                place, f"expected at most {MAX_NODES} values, aliases counted as what they stand for, got more"
            )
