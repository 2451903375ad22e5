"""Filters on attributes as a person writes them: ``http.route=/orders``, ``retries>3``, ``peer!=shard-7``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from backbone.model.errors import UserInputError
from backbone.query.conditions import Conditions

_FILTER = re.compile(r"([^=!<>~\s][^=!<>~]*?)\s*(!=|>=|<=|=|>|<)\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AttributeFilter:
    """
    What an attribute's value must be.

    ``operator`` is ``=`` or ``!=``, which compare texts, or ``<``, ``<=``, ``>``, ``>=``, which compare numbers.
    """

    key: str
    operator: str
    value: str


def parse_attribute_filter(text: str) -> AttributeFilter:
    """
    Return the filter that *text* means.

    Raises:
        UserInputError: it has no operator, or compares in order with what is no number.
    """
    match = _FILTER.fullmatch(text)
    if not match:
        raise UserInputError(f"attribute {text[:100]!r}: expected key=value, key!=value or key>number (also >=, <, <=)")
    key, operator, value = match.groups()
    if operator not in {"=", "!="} and not _is_number(value):
        raise UserInputError(f"attribute {text[:100]!r}: '{operator}' compares numbers, {value[:100]!r} is none")
    return AttributeFilter(key, operator, value)


def attribute_condition(conditions: Conditions, wanted: AttributeFilter) -> str:
    """Return the SQL of a filter on a row's own attributes or, where it has none of that key, its resource's."""
    key = conditions.bind("String", wanted.key)
    stored = f"if(mapContains(attributes, {key}), attributes[{key}], resource[{key}])"
    present = f"(mapContains(attributes, {key}) OR mapContains(resource, {key}))"
    if wanted.operator == "=" and wanted.value:
        # What is not there is empty, which is not what is looked for: each map is looked through as seldom as can be.
        value = conditions.bind("String", wanted.value)
        return f"(attributes[{key}] = {value} OR (resource[{key}] = {value} AND NOT mapContains(attributes, {key})))"
    if wanted.operator == "=":
        return f"({present} AND {stored} = {conditions.bind('String', wanted.value)})"
    if wanted.operator == "!=":
        return f"(NOT {present} OR {stored} != {conditions.bind('String', wanted.value)})"
    number = conditions.bind("Float64", float(wanted.value))
    return f"({present} AND toFloat64OrNull({stored}) {wanted.operator} {number})"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
