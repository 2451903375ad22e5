"""Functions that look at labels, not at values. Source: Prometheus 3.x, promql/functions.go."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import re2

from backbone.query.promql.arguments import Arguments
from backbone.query.promql.errors import EvaluationError
from backbone.query.promql.labels import Column, encode, is_label_name
from backbone.query.promql.matching import merge_equal
from backbone.query.promql.quoting import quote
from backbone.query.promql.values import Vector
from backbone.query.selectors import METRIC_LABEL

_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")
_DIGITS = re.compile(r"(\d+)")


def _label_replace(arguments: Arguments) -> Vector:
    target, template, source, pattern = (arguments.text(index) for index in range(1, 5))
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        regex = re2.compile(f"^(?:{pattern})$", options)
    except re2.error as error:
        raise EvaluationError(f"invalid regular expression in label_replace(): {pattern}") from error
    if not is_label_name(target):
        raise EvaluationError(f"invalid destination label name in label_replace(): {quote(target)}")
    vector = arguments.vector(0)
    column = vector.labels.column(source)
    matches = [regex.match(value) for value in column.values]
    made = encode([_expanded(template, match) if match else "" for match in matches])
    codes = made.codes[column.codes]
    matched = np.array([match is not None for match in matches])[column.codes]
    return _with_label(vector, target, Column(codes, made.values), matched)


def _expanded(template: str, match: re.Match[str]) -> str:
    """Return the template with ``$1``, ``${1}`` and ``${name}`` replaced by what the groups matched."""

    def replaced(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return match[int(name) if name.isdecimal() else name] or ""
        except (IndexError, KeyError, re2.error):
            return ""

    return _REFERENCE.sub(replaced, template)


def _label_join(arguments: Arguments) -> Vector:
    target, separator = arguments.text(1), arguments.text(2)
    sources = [arguments.text(index) for index in range(3, len(arguments))]
    for name in sources:
        if not is_label_name(name):
            raise EvaluationError(f"invalid source label name in label_join(): {quote(name)}")
    if not is_label_name(target):
        raise EvaluationError(f"invalid destination label name in label_join(): {quote(target)}")
    vector = arguments.vector(0)
    texts = [vector.labels.column(name).texts() for name in sources]
    joined = [separator.join(parts) for parts in zip(*texts, strict=True)] if texts else [""] * vector.labels.size
    return _with_label(vector, target, encode(joined), np.ones(vector.labels.size, np.bool_))


def _with_label(vector: Vector, name: str, column: Column, where: np.ndarray) -> Vector:
    """Return the vector with a label set where *where* is true."""
    texts = column.texts()
    before = vector.labels.column(name).texts()
    both = encode([new if set_here else old for new, old, set_here in zip(texts, before, where.tolist(), strict=True)])
    # A name that was just given stays, whatever the metric was before.
    nameless = vector.nameless & ~where if name == METRIC_LABEL else vector.nameless
    return merge_equal(replace(vector, labels=vector.labels.put(name, both), nameless=nameless))


def _sort_by_label(arguments: Arguments, *, descending: bool) -> Vector:
    vector = arguments.vector(0)
    context = arguments.context
    if context.query.step:
        context.notes.warn(
            "sort is ineffective for range queries since results are always ordered by labels", arguments.call.span
        )
        return vector
    names = [arguments.text(index) for index in range(1, len(arguments))]
    by_all = np.argsort(vector.labels.sort_order(), kind="stable").tolist()
    columns = [vector.labels.column(name).texts() for name in names]
    keys = [(*(_natural(column[row]) for column in columns), by_all[row]) for row in range(vector.labels.size)]
    order = sorted(range(vector.labels.size), key=keys.__getitem__, reverse=descending)
    return replace(vector.take(np.array(order, np.int64)), ordered=True)


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts numbers within text by their value."""
    parts = [part for part in _DIGITS.split(text) if part]
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]


LABEL_FUNCTIONS: Mapping[str, Callable[[Arguments], Vector]] = {
    "label_replace": _label_replace,
    "label_join": _label_join,
    "sort_by_label": partial(_sort_by_label, descending=False),
    "sort_by_label_desc": partial(_sort_by_label, descending=True),
}
