"""From YAML nodes to plain values, with the place of every key and value beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backbone.config import yaml
from backbone.config.problems import Place, Problem, ProblemsError, Trail, dotted
from backbone.config.references import resolve
from backbone.model.errors import UserInputError


@dataclass(slots=True)
class Document:
    """A file's options, and what is already known to be wrong with them; what is wrong is not among the options."""

    options: dict[str, object] = field(default_factory=dict)
    keys: dict[Trail, Place] = field(default_factory=dict)
    values: dict[Trail, Place] = field(default_factory=dict)
    written: dict[Trail, str] = field(default_factory=dict)
    """The references that values came from: what they stood for is not shown to anyone."""
    bare: dict[Trail, object] = field(default_factory=dict)
    """What references without quotes mean to an option that takes no text; among the options they are texts."""
    problems: list[Problem] = field(default_factory=list)
    broken: set[Trail] = field(default_factory=set)
    """Options that have a problem."""

    def place(self, trail: Trail) -> Place:
        """Return the place of a value, or of the nearest section around it that is in the file."""
        while trail and trail not in self.values:
            trail = trail[:-1]
        return self.values.get(trail, Place())


def read_document(source: bytes, environment: Mapping[str, str]) -> Document:
    """Return the options of a file; *environment* is what ``${env:NAME}`` refers to."""
    document = Document()
    try:
        root = yaml.read_yaml(source)
    except ProblemsError as error:
        document.problems.extend(error.problems)
        return document
    match root:
        case yaml.Mapping():
            document.options = _Reader(document, environment).mapping(root, ())
        case None:
            pass
        case yaml.Scalar(plain=True, text=text) if yaml.meaning(text) is None:
            pass
        case other:
            document.problems.append(Problem(other.place, "", "expected options as 'name: value', got none"))
    return document


class _Broken(Exception):  # noqa: N818 - it ends the reading of one value, whose problem is noted
    """A value that cannot be read."""


class _Reader:
    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self._document = document
        self._environment = environment

    def mapping(self, node: yaml.Mapping, trail: Trail) -> dict[str, object]:
        options: dict[str, object] = {}
        seen: dict[str, Place] = {}
        for key, value in node.entries:
            here = (*trail, key.text)
            if key.text in seen:
                self._note(here, key.place, f"is set twice, first in line {seen[key.text].line}")
                continue
            seen[key.text] = key.place
            self._document.keys[here] = key.place
            try:
                options[key.text] = self._value(value, here)
            except _Broken:
                continue
        return options

    def _value(self, node: yaml.Node, trail: Trail) -> object:
        self._document.values[trail] = node.place
        match node:
            case yaml.Mapping():
                return self.mapping(node, trail)
            case yaml.Sequence():
                return [self._item(item, (*trail, index)) for index, item in enumerate(node.items)]
            case yaml.Scalar():
                return self._scalar(node, trail)

    def _item(self, node: yaml.Node, trail: Trail) -> object:
        try:
            return self._value(node, trail)
        except _Broken:
            return None  # holds the place, so that what follows keeps its number; its other problems are left out

    def _scalar(self, node: yaml.Scalar, trail: Trail) -> object:
        if "$" in node.text:
            return self._reference(node, trail)
        return yaml.meaning(node.text) if node.plain else node.text

    def _reference(self, node: yaml.Scalar, trail: Trail) -> str:
        try:
            text = resolve(node.text, self._environment)
        except UserInputError as error:
            self._note(trail, node.place, str(error))
            raise _Broken from error
        self._document.written[trail] = node.text
        meant = yaml.meaning(text)
        if node.plain and not isinstance(meant, str):
            self._document.bare[trail] = meant
        return text

    def _note(self, trail: Trail, place: Place, what: str) -> None:
        self._document.problems.append(Problem(place, dotted(trail), what))
        self._document.broken.add(trail)
