"""Whether two servers' answers to one question say the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bench.queries.questions import Compared

TOLERANCE = 1e-6
NAME_PREFIX = "bench_"
"""Metrics that a server has of itself are not compared."""

Key = tuple[str, float]
"""A series' labels as JSON, and a time in seconds."""


class Unreadable(Exception):  # noqa: N818 - says what happened
    """The body is no answer of Prometheus' API."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far an answer is from the one it is held against."""

    points: int
    missing: int
    """Points of the other that this one lacks."""
    extra: int
    worst: float
    """The largest relative difference of a point that both have; infinite where only one is a number."""
    total: float
    """The relative difference of the sums of all finite values."""

    @property
    def holds(self) -> bool:
        return not self.missing and not self.extra and self.worst <= TOLERANCE


def _samples(result: Mapping[str, Any]) -> Iterable[tuple[float, str]]:
    return result["values"] if "values" in result else [result["value"]]


def read(body: bytes) -> dict[Key, float]:
    """
    Return the points of an answer; a list of label values is one of a 1 for each.

    Raises:
        Unreadable: it has not that shape.
    """
    try:
        data = orjson.loads(body)["data"]
        if isinstance(data, list):
            return {(value, 0.0): 1.0 for value in data}
        return {
            (orjson.dumps(result["metric"], option=orjson.OPT_SORT_KEYS).decode(), float(at)): float(value)
            for result in data["result"]
            if result["metric"].get("__name__", NAME_PREFIX).startswith(NAME_PREFIX)
            for at, value in _samples(result)
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"{error!r} in {body[:80]!r}") from None


def per_step(points: Mapping[Key, float]) -> dict[Key, float]:
    """Return the sums of all series at each time."""
    sums: dict[Key, float] = {}
    for (_, at), value in points.items():
        sums["all", at] = sums.get(("all", at), 0.0) + value
    return sums


def relative(ours: float, theirs: float) -> float:
    """Return the difference as a share of the larger; 0 for two that are both not a number, or the same infinity."""
    if ours == theirs or (math.isnan(ours) and math.isnan(theirs)):
        return 0.0
    if not (math.isfinite(ours) and math.isfinite(theirs)):
        return math.inf
    return abs(ours - theirs) / max(abs(ours), abs(theirs))


def agree(ours: bytes, theirs: bytes, compared: Compared) -> Agreement:
    """
    Hold *ours* against *theirs*.

    Raises:
        Unreadable: one of them is no answer.
    """
    mine, other = read(ours), read(theirs)
    if compared == "step":
        mine, other = per_step(mine), per_step(other)
    both = mine.keys() & other.keys()
    worst = max((relative(mine[key], other[key]) for key in both), default=0.0)
    sums = [math.fsum(filter(math.isfinite, points.values())) for points in (mine, other)]
    return Agreement(len(other), len(other) - len(both), len(mine) - len(both), worst, relative(*sums))
