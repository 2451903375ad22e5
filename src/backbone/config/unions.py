"""Sections of several kinds, told apart by their option ``kind``: what pydantic says of them, in terms of the file."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from backbone.config.problems import Trail

KIND = "kind"


def members(annotation: object) -> list[type[BaseModel]]:
    """Return the sections that a value may be: one, several by kind, or none."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in {UnionType, Union}:
        return [found for member in get_args(annotation) for found in members(member)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []


def kind_of(section: type[BaseModel]) -> str:
    """Return what the option ``kind`` says of a section of several kinds."""
    found: str = get_args(section.model_fields[KIND].annotation)[0]
    return found


def in_the_file(options: object, details: ErrorDetails) -> ErrorDetails:
    """Return what pydantic found with the place as the file has it: pydantic puts a section's kind into the way."""
    trail: list[str | int] = []
    node: Any = options
    fresh = True
    for step in details["loc"]:
        if fresh and isinstance(node, Mapping) and step not in node and node.get(KIND) == step:
            fresh = False
            continue
        trail.append(step)
        node = _below(node, step)
        fresh = True
    if details["type"].startswith("union_tag"):
        trail.append(KIND)
        node = _below(node, KIND)
        missing = details["type"] == "union_tag_not_found" or node is None
        return _changed(details, tuple(trail), "missing" if missing else "literal_error", node)
    return _changed(details, tuple(trail), details["type"], details["input"])


def _changed(details: ErrorDetails, trail: Trail, kind: str, seen: object) -> ErrorDetails:
    changed = details.copy()
    changed["loc"], changed["type"], changed["input"] = trail, kind, seen
    if kind == "literal_error" and details["type"] != kind:
        changed["ctx"] = {"expected": details["ctx"]["expected_tags"]}
    return changed


def _below(node: Any, step: str | int) -> Any:
    if isinstance(node, Mapping):
        return node.get(step)
    return node[step] if isinstance(node, list) and isinstance(step, int) and step < len(node) else None
