"""Series in test scripts: ``1+2x3 _ stale {{schema:1 count:2}}``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from backbone.model.errors import UserInputError
from backbone.query.promql.histograms import HistogramRow, Histograms, add, subtract
from backbone.query.promql.literals import duration_ms
from backbone.query.promql.parser import parse
from backbone.query.promql.script.commands import Point
from backbone.query.selectors import METRIC_LABEL

STALE = float(np.array([0x7FF0000000000002], np.uint64).view(np.float64)[0])

_NUMBER = r"(?:[+-]?(?:\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|0[xX][0-9a-fA-F]+|[iI]nf|[nN]a[nN]))"
_REPEATED = re.compile(rf"({_NUMBER})([+-]{_NUMBER.replace('[+-]?', '', 1)})?x(\d+)")
_GAP = re.compile(r"_(?:x(\d+))?")
_PIECE = re.compile(r"\{\{[^}]*\}\}(?:[+-]\{\{[^}]*\}\})?(?:x\d+)?|\S+")
_HISTOGRAM = re.compile(r"(\{\{[^}]*\}\})(?:([+-])(\{\{[^}]*\}\}))?(?:x(\d+))?")
_FIELD = re.compile(r"(\w+):(\[[^\]]*\]|\S+)")
_LABELS = re.compile(r'(?:[a-zA-Z_:][\w:]*)?\s*(?:\{(?!\{)(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?')
_OFFSET = re.compile(r"([+-]?(?:\d+(?:ms|[smhdwy]))+|[+-]?0)([+-](?:\d+(?:ms|[smhdwy]))+)?(?:x(\d+))?")
_HINTS = {"unknown": 0, "reset": 1, "not_reset": 2, "gauge": 3}
_LISTS = {"buckets", "n_buckets", "custom_values"}
_NUMBERS = {"schema", "sum", "count", "z_bucket", "z_bucket_w", "offset", "n_offset"}
_MOST_POINTS = 1_000_000


def split_labels(text: str) -> tuple[dict[str, str], str]:
    """
    Return the labels at the beginning of a line, and the rest.

    Raises:
        UserInputError: it begins with no series.
    """
    found = _LABELS.match(text)
    written, rest = (found[0], text[found.end() :]) if found else ("", text)
    if not written.strip():
        raise UserInputError(f"expected a series such as 'name{{label=\"value\"}}', got {text[:40]!r}")
    if re.sub(r"\s", "", written) in {"{}", ""}:
        return {}, rest
    name, brace, _ = written.partition("{")
    plain = name.strip() if brace and not written[len(name) + 1 :].strip("} \t") else written
    selector = parse(plain)
    labels = {}
    for matcher in getattr(selector, "matchers", ()):
        if matcher.operator != "=":
            raise UserInputError(f"a series' labels are given with '=', got '{matcher.operator}' for '{matcher.label}'")
        labels[matcher.label] = matcher.value
    return dict(sorted(labels.items(), key=lambda pair: pair[0] != METRIC_LABEL)), rest


def parse_points(text: str) -> list[Point]:
    """
    Return the points of a series.

    Raises:
        UserInputError: it cannot be read, with what was seen.
    """
    points: list[Point] = []
    for piece in _PIECE.findall(text):
        points += _histograms(piece) if piece.startswith("{{") else _numbers(piece)
        if len(points) > _MOST_POINTS:
            raise UserInputError(f"more than {_MOST_POINTS} points in a series")
    return points


def _numbers(piece: str) -> list[Point]:
    if gap := _GAP.fullmatch(piece):
        return [None] * int(gap[1] or 1)
    if piece == "stale":
        return [STALE]
    if repeated := _REPEATED.fullmatch(piece):
        first, step = _number(repeated[1]), _number(repeated[2] or "0")
        times = _times(repeated[3])
        return [first + step * at if repeated[2] else first for at in range(times + 1)]
    return [_number(piece)]


def _number(text: str) -> float:
    try:
        return float(int(text, 16)) if "0x" in text.lower() else float(text)
    except ValueError:
        raise UserInputError(f"expected a number, '_', 'stale' or a histogram, got {text[:40]!r}") from None


def _times(text: str) -> int:
    times = int(text)
    if times > _MOST_POINTS:
        raise UserInputError(f"more than {_MOST_POINTS} points in a series")
    return times


def _histograms(piece: str) -> list[Point]:
    found = _HISTOGRAM.fullmatch(piece)
    if not found:
        raise UserInputError(f"expected a histogram such as '{{{{schema:0 count:1}}}}', got {piece[:60]!r}")
    first = _histogram(found[1])
    if not found[4]:
        return [first]
    if not found[3]:
        return [first] * (_times(found[4]) + 1)
    return list(_series(first, found[2], _histogram(found[3]), _times(found[4])))


def _series(first: HistogramRow, sign: str, step: HistogramRow, times: int) -> Iterator[Point]:
    current = Histograms.from_rows([first])
    by = Histograms.from_rows([step])
    for _ in range(times + 1):
        row = current.row(0)
        # What was said of the first holds for all; sums alone would lose it.
        yield replace(row, hint=first.hint or step.hint)
        current = (add if sign == "+" else subtract)(current, by).block


def _histogram(text: str) -> HistogramRow:
    inside = text[2:-2].strip()
    fields: dict[str, str] = dict(_FIELD.findall(inside))
    if _FIELD.sub("", inside).strip():
        raise UserInputError(f"expected fields such as 'count:1' in a histogram, got {text[:60]!r}")
    unknown = sorted(set(fields) - _LISTS - _NUMBERS - {"counter_reset_hint"})
    if unknown:
        raise UserInputError(f"unknown field '{unknown[0]}' in a histogram")
    hint = fields.get("counter_reset_hint", "unknown")
    if hint not in _HINTS:
        raise UserInputError(f"expected one of {', '.join(_HINTS)} as counter_reset_hint, got {hint!r}")

    def number(name: str) -> float:
        return _number(fields[name]) if name in fields else 0.0

    def counts(name: str, offset: str) -> list[tuple[int, float]]:
        return [(int(number(offset)) + at, count) for at, count in enumerate(_listed(fields.get(name, "[]")))]

    return HistogramRow(
        int(number("schema")),
        number("count"),
        number("sum"),
        number("z_bucket_w"),
        number("z_bucket"),
        _HINTS[hint],
        counts("buckets", "offset"),
        counts("n_buckets", "n_offset"),
        tuple(_listed(fields.get("custom_values", "[]"))),
    )


def _listed(text: str) -> list[float]:
    return [_number(part) for part in text.strip("[]").replace(",", " ").split()]


def parse_starts(text: str) -> list[int | None]:
    """Return the starts of a series' samples: milliseconds after each of them, most often below zero."""
    starts: list[int | None] = []
    for piece in text.split():
        if gap := _GAP.fullmatch(piece):
            starts += [None] * int(gap[1] or 1)
            continue
        found = _OFFSET.fullmatch(piece)
        if not found:
            raise UserInputError(f"expected '_' or a start such as '-30s' or '-30s-1mx2', got {piece[:40]!r}")
        first, step = _signed_ms(found[1]), _signed_ms(found[2] or "0")
        starts += [first + step * at for at in range(_times(found[3] or "0") + 1)]
    return starts


def _signed_ms(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    plain = text.lstrip("+-")
    return 0 if plain == "0" else sign * duration_ms(plain)
