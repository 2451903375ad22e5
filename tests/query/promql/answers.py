"""Answers as plain values, to compare."""

from __future__ import annotations

from backbone.query.promql.answer import Answer


def as_points(answer: Answer) -> dict[tuple[tuple[str, str], ...], list[tuple[int, str]]]:
    """Return the points of each series: milliseconds, and the value as text, so that NaN equals NaN."""
    return {
        tuple(points.labels.items()): [
            (time, repr(value)) for time, value in zip(points.times.tolist(), points.values.tolist(), strict=True)
        ]
        for points in answer.series
    }
