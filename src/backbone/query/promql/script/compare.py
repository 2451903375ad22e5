"""Whether an answer is what a script expects."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from backbone.query.promql.answer import Answer, Points
from backbone.query.promql.ast import ValueType
from backbone.query.promql.go_floats import print_float
from backbone.query.promql.histograms import HistogramRow, Histograms, test_expression
from backbone.query.promql.matching import print_labels
from backbone.query.promql.script.commands import Eval, Note, Point
from backbone.query.selectors import METRIC_LABEL

_TOLERANCE = 1e-6


def differences(expected: Eval, answer: Answer) -> list[str]:
    """Return what is different, each with what was expected and what came; nothing if the answer is as it should be."""
    if expected.fails:
        return ["expected an error, got an answer"]
    return [*_value_differences(expected, answer), *_note_differences(expected.notes, answer)]


def error_differences(expected: Eval, message: str) -> list[str]:
    """Return what is wrong with a query's having failed with *message*."""
    if not expected.fails:
        return [f"expected an answer, got the error: {message}"]
    return [
        f"expected the error {note.text or note.pattern!r}, got: {message}"
        for note in expected.notes
        if note.subject == "fail" and not _matches(note, message)
    ]


def _matches(note: Note, message: str) -> bool:
    if note.text:
        return note.text in message
    return re.search(note.pattern, message) is not None


def _note_differences(notes: Sequence[Note], answer: Answer) -> Iterator[str]:
    for note in notes:
        given = answer.warnings if note.subject in {"warn", "no_warn"} else answer.infos
        if note.subject.startswith("no_"):
            if given:
                yield f"expected {note.subject}, got: {'; '.join(given)}"
        elif note.subject != "fail" and not any(_matches_whole(note, text) for text in given):
            wanted = f" {note.text or note.pattern!r}" if note.text or note.pattern else ""
            yield f"expected {note.subject}{wanted}, got: {'; '.join(given) or 'none'}"


def _matches_whole(note: Note, text: str) -> bool:
    return note.text == text if note.text else re.search(note.pattern, text) is not None


def _value_differences(expected: Eval, answer: Answer) -> Iterator[str]:
    if expected.text is not None:
        if answer.type is not ValueType.STRING or answer.text != expected.text:
            yield f"expected the string {expected.text!r}, got {_summary(answer)}"
        return
    if expected.scalar is not None:
        points = answer.series
        if len(points) != 1 or points[0].labels or not same(expected.scalar, _values(points[0], answer.block)[0]):
            yield f"expected the number {print_float(expected.scalar)}, got {_summary(answer)}"
        return
    if answer.type is ValueType.STRING:
        yield f"expected series, got {_summary(answer)}"
        return
    yield from _series_differences(expected, answer)


def _series_differences(expected: Eval, answer: Answer) -> Iterator[str]:
    got = {_key(points.labels): (at, _by_time(points, answer.block)) for at, points in enumerate(answer.series)}
    wanted = {}
    for at, series in enumerate(expected.series):
        points = _expected_points(expected, series.points)
        if points:
            wanted[_key(series.labels)] = (at, series.labels, points)
    for key, (at, labels, points) in wanted.items():
        if key not in got:
            yield f"expected {_name(labels)} {_shown(points)}, got no such series"
            continue
        place, values = got[key]
        if values.keys() != points.keys() or not all(same(points[time], values[time]) for time in points):
            yield f"expected {_name(labels)} {_shown(points)}, got {_shown(values)}"
        elif expected.ordered and place != at:
            yield f"expected {_name(labels)} at place {at + 1}, got it at place {place + 1}"
    for points_found in answer.series:
        if _key(points_found.labels) not in wanted:
            shown = _shown(_by_time(points_found, answer.block))
            yield f"expected no series {_name(points_found.labels)}, got {shown}"


def _expected_points(expected: Eval, points: Sequence[Point]) -> dict[int, Point]:
    start, _, step = expected.matrix_grid or (expected.start_ms, expected.end_ms, expected.step_ms)
    return {start + at * step: point for at, point in enumerate(points) if point is not None}


def _by_time(points: Points, block: Histograms | None) -> dict[int, Point]:
    return dict(zip(points.times.tolist(), _values(points, block), strict=True))


def _values(points: Points, block: Histograms | None) -> list[Point]:
    rows = [-1] * len(points.times) if points.histograms is None else points.histograms.tolist()
    values = points.values.tolist()
    return [value if row < 0 or block is None else block.row(row) for value, row in zip(values, rows, strict=True)]


def same(expected: Point, got: Point) -> bool:
    """Tell whether two points are the same, but for what rounding does to them."""
    if isinstance(expected, HistogramRow):
        return isinstance(got, HistogramRow) and _same_histogram(expected, got)
    if isinstance(got, HistogramRow) or expected is None or got is None:
        return False
    if expected == got == 0:
        return math.copysign(1.0, expected) == math.copysign(1.0, got)
    return _close(expected, got)


def _close(expected: float, got: float) -> bool:
    if math.isnan(expected) or math.isnan(got):
        return math.isnan(expected) and math.isnan(got)
    if expected == got:
        return True
    if math.isinf(expected) or math.isinf(got):
        return False
    if expected == 0 or got == 0 or abs(expected) + abs(got) < 2.3e-308:
        return abs(expected - got) < _TOLERANCE
    return abs(expected - got) / (abs(expected) + abs(got)) < _TOLERANCE


def _same_histogram(expected: HistogramRow, got: HistogramRow) -> bool:
    if expected.schema != got.schema or expected.custom != got.custom or (expected.hint and expected.hint != got.hint):
        return False
    numbers = ("count", "sum", "zero_count", "zero_threshold")
    if not all(_close(getattr(expected, name), getattr(got, name)) for name in numbers):
        return False
    return _same_buckets(expected.positive, got.positive) and _same_buckets(expected.negative, got.negative)


def _same_buckets(expected: list[tuple[int, float]], got: list[tuple[int, float]]) -> bool:
    wanted = {index: count for index, count in expected if count != 0}
    there = {index: count for index, count in got if abs(count) > 1e-12}
    return wanted.keys() == there.keys() and all(_close(wanted[index], there[index]) for index in wanted)


def _key(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def _name(labels: dict[str, str]) -> str:
    rest = {name: value for name, value in labels.items() if name != METRIC_LABEL}
    name = labels.get(METRIC_LABEL, "")
    return name + (print_labels(rest) if rest or not name else "")


def _shown(points: dict[int, Point]) -> str:
    texts = [f"{_point(point)} @ {time / 1000:g}s" for time, point in list(points.items())[:12]]
    return ", ".join(texts) + (f" and {len(points) - 12} more" if len(points) > 12 else "")


def _point(point: Point) -> str:
    if isinstance(point, HistogramRow):
        return test_expression(Histograms.from_rows([point]), 0)
    return print_float(point) if point is not None else "_"


def _summary(answer: Answer) -> str:
    if answer.type is ValueType.STRING:
        return f"the string {answer.text!r}"
    shown = [f"{_name(points.labels)} {_shown(_by_time(points, answer.block))}" for points in answer.series[:3]]
    return "; ".join(shown) or "nothing"
