"""LogQL in plain Python, line by line: slow, and easy to check against Loki's documentation."""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from backbone.query.logql import ast
from backbone.query.selectors import Matcher

_DURATION = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
_SIZES = {"": 1, "b": 1, "kb": 1e3, "kib": 1024.0, "mb": 1e6, "mib": 1024.0**2}


@dataclass
class Item:
    """A record: when, its line, what its stream is, and its other labels."""

    time_ns: int
    line: str
    stream: dict[str, str]
    metadata: dict[str, str]


@dataclass
class State:
    """A line on its way through the stages."""

    item: Item
    line: str
    labels: dict[str, str]
    made: set[str] = field(default_factory=set)
    """Labels that stages made."""

    @property
    def error(self) -> str:
        return self.labels.get("__error__", "")

    def fail(self, error: str) -> None:
        if not self.error:
            self.labels["__error__"] = error

    def put(self, name: str, value: str) -> None:
        self.labels[name] = value
        self.made.add(name)


def lines(query: ast.LogQuery, items: Sequence[Item], *, forward: bool) -> list[State]:
    """Return the lines that a query finds, in order of time."""
    found = []
    seen: dict[int, set[tuple[str, ...]]] = {}
    for item in sorted(items, key=lambda item: item.time_ns, reverse=not forward):
        state = State(item, item.line, {**item.metadata, **item.stream})
        if not all(_matches(state.labels.get(matcher.label, ""), matcher) for matcher in query.matchers):
            continue
        if all(_stage(stage, state, seen.setdefault(number, set())) for number, stage in enumerate(query.stages)):
            found.append(state)
    return found


def _matches(text: str, matcher: Matcher) -> bool:
    if matcher.operator in {"=", "!="}:
        return (text == matcher.value) == (matcher.operator == "=")
    return (re.fullmatch(matcher.value, text, re.DOTALL) is not None) == (matcher.operator == "=~")


def _stage(stage: ast.Stage, state: State, seen: set[tuple[str, ...]]) -> bool:
    match stage:
        case ast.LineFilter():
            met = any(_needle(stage.operator, needle, state.line) for needle in stage.needles)
            return met != stage.operator.startswith("!")
        case ast.LabelFilter():
            return _predicate(stage.predicate, state)
        case ast.LineFormat():
            state.line = _template(stage.template, state)
        case ast.LabelFormat():
            for label, made_of, is_template in stage.changes:
                value = _template(made_of, state) if is_template else state.labels.pop(made_of, "")
                state.put(label, value)
        case ast.Keep():
            _choose(stage, state)
        case ast.Distinct():
            key = tuple(state.labels.get(label, "") for label in stage.labels)
            is_new = key not in seen
            seen.add(key)
            return is_new
        case ast.Decolorize():
            state.line = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", state.line)
        case _:
            _extract(stage, state)
    return True


def _needle(operator: str, needle: ast.Needle, line: str) -> bool:
    return needle.value in line if operator[1] == "=" else re.search(needle.value, line) is not None


def _predicate(predicate: ast.LabelPredicate, state: State) -> bool:
    match predicate:
        case ast.Logical():
            # Both are looked at, since looking may be an error.
            left, right = _predicate(predicate.left, state), _predicate(predicate.right, state)
            return (left and right) if predicate.operator == "and" else (left or right)
        case ast.TextFilter():
            matcher = Matcher(predicate.label, predicate.operator, predicate.value)
            return _matches(state.labels.get(predicate.label, ""), matcher)
        case ast.NumberFilter():
            return _number(predicate, state)
        case _:
            raise NotImplementedError


def _number(predicate: ast.NumberFilter, state: State) -> bool:
    if state.error:
        return True
    text = state.labels.get(predicate.label, "")
    if not text:
        return False
    value = read(text, predicate.unit)
    if value is None:
        state.fail("LabelFilterErr")
        return True
    wanted = predicate.value
    compared: dict[str, bool] = {
        "==": value == wanted, "!=": value != wanted, ">": value > wanted, ">=": value >= wanted, "<": value < wanted,
        "<=": value <= wanted,
    }  # fmt: skip
    return compared[predicate.operator]


def read(text: str, unit: ast.Unit) -> float | None:
    """Return a text as a number of a unit, None where it is none."""
    if unit == "number":
        return float(text) if re.fullmatch(r"[+-]?([0-9]*\.?[0-9]+)([eE][+-]?[0-9]+)?", text) else None
    if unit == "duration":
        parts = re.findall(r"([0-9]*\.?[0-9]+)(ns|us|µs|ms|s|m|h|d|w)", text)
        return (
            sum(float(n) * _DURATION[u] for n, u in parts) if parts and "".join(map("".join, parts)) == text else None
        )
    size = re.fullmatch(r"([0-9]*\.?[0-9]+)([a-zA-Z]*)", text)
    return float(size[1]) * _SIZES[size[2].lower()] if size and size[2].lower() in _SIZES else None


def _template(text: str, state: State) -> str:
    def filled(found: re.Match[str]) -> str:
        value = state.labels.get(found[1], "")
        return value.upper() if found[2] else value

    return re.sub(r"\{\{\s*\.(\w+)\s*(\| ToUpper)?\s*\}\}", filled, text)


def _choose(stage: ast.Keep, state: State) -> None:
    def told(name: str, value: str) -> bool:
        return any(
            name == one if isinstance(one, str) else name == one.label and _matches(value, one) for one in stage.labels
        )

    kept = stage.kind == "keep"
    state.labels = {
        name: value
        for name, value in state.labels.items()
        if told(name, value) == kept or (kept and name == "__error__")
    }


def _extract(stage: Any, state: State) -> None:
    found: dict[str, str] = {}
    match stage:
        case ast.Json():
            try:
                value = json.loads(state.line)
            except ValueError:
                value = None
            if isinstance(value, dict):
                _flatten("", value, found)
            else:
                state.fail("JSONParserErr")
        case ast.Logfmt():
            for key, quoted, bare in re.findall(r'([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?', state.line):
                found[_name(key)] = quoted or bare
        case ast.Capture():
            match = re.search(stage.expression, state.line, re.DOTALL if stage.kind == "pattern" else 0)
            found = {name: value or "" for name, value in match.groupdict().items()} if match else {}
    record = {**state.item.metadata, **state.item.stream}
    for name, text in found.items():
        if text:
            state.put(f"{name}_extracted" if record.get(name) else name, text)


def _flatten(prefix: str, value: dict[str, Any], found: dict[str, str]) -> None:
    for key, item in value.items():
        name = f"{prefix}_{_name(key)}" if prefix else _name(key)
        if isinstance(item, dict):
            _flatten(name, item, found)
        elif isinstance(item, str):
            found[name] = item
        elif item is not None and not isinstance(item, list):
            found[name] = json.dumps(item)


def _name(key: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", key)


Labels = tuple[tuple[str, str], ...]


def numbers(
    leaf: ast.RangeAggregation, items: Sequence[Item], times_ms: Sequence[int]
) -> dict[Labels, dict[int, float]]:
    """Return the value of a range at each time that has lines in it, by series."""
    samples: list[tuple[Labels, int, float]] = []
    for state in lines(leaf.query, items, forward=True):
        value = float(len(state.line.encode())) if leaf.operator.startswith("bytes") else 1.0
        if leaf.unwrap:
            text = state.labels.pop(leaf.unwrap.label, "")
            number = read(text, leaf.unwrap.unit) if text else None
            if number is None:
                continue
            value = number
        samples.append((_series(leaf, state), state.item.time_ns, value))
    found: dict[Labels, dict[int, float]] = {}
    for time in times_ms:
        end = (time - leaf.offset_ms) * 10**6
        groups: dict[Labels, list[float]] = {}
        for labels, at, value in samples:
            if end - leaf.range_ms * 10**6 < at <= end:
                groups.setdefault(labels, []).append(value)
        for labels, values in groups.items():
            found.setdefault(labels, {})[time] = _AGGREGATES[leaf.operator](values, leaf)
    return found


def _series(leaf: ast.RangeAggregation, state: State) -> Labels:
    told = state.item.stream.keys() | state.made
    labels = {name: value for name, value in state.labels.items() if name in told and name != "__error__"}
    if leaf.grouping is not None:
        labels = {
            name: value
            for name, value in (labels if leaf.without else state.labels).items()
            if (name in leaf.grouping) != leaf.without
        }
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def _quantile(values: list[float], leaf: ast.RangeAggregation) -> float:
    ordered = sorted(values)
    rank = (leaf.parameter or 0.0) * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] * (1 - (rank - low)) + ordered[high] * (rank - low)


_AGGREGATES: dict[str, Callable[[list[float], ast.RangeAggregation], float]] = {
    "count_over_time": lambda values, _: float(len(values)),
    "rate": lambda values, leaf: (sum(values) if leaf.unwrap else len(values)) * 1000 / leaf.range_ms,
    "bytes_over_time": lambda values, _: sum(values),
    "bytes_rate": lambda values, leaf: sum(values) * 1000 / leaf.range_ms,
    "sum_over_time": lambda values, _: sum(values),
    "avg_over_time": lambda values, _: sum(values) / len(values),
    "max_over_time": lambda values, _: max(values),
    "min_over_time": lambda values, _: min(values),
    "first_over_time": lambda values, _: values[0],
    "last_over_time": lambda values, _: values[-1],
    "stdvar_over_time": lambda values, _: statistics.pvariance(values),
    "stddev_over_time": lambda values, _: statistics.pstdev(values),
    "quantile_over_time": _quantile,
}
