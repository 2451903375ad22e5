"""Answers of a query API → series or vectors. Source: Prometheus, HTTP API, "Expression query result formats"."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import orjson

from backbone.model.errors import DependencyError
from backbone.query.promql.arrays import Floats, Times
from backbone.query.promql.labels import Labels
from backbone.query.promql.source import too_many_samples
from backbone.query.promql.values import Grid, Samples, Series, Vector


class HistogramsError(DependencyError):
    """The answer has native histograms, which the query API prints without what is needed to go on with them."""


def series_of(data: Any, max_samples: int) -> Series:
    """
    Return the samples of a range vector.

    Raises:
        DependencyError: it is none; `HistogramsError` if some are native histograms.
        LimitExceeded: it has more samples than a query may load.
    """
    labels, offsets, times, values = _columns(data, "matrix", max_samples)
    return Series(labels, np.zeros(labels.size, np.bool_), Samples(times, offsets, values))


def vector_of(data: Any, grid: Grid, max_samples: int) -> Vector:
    """Return an instant vector at each step of *grid*; raises as `series_of`."""
    labels, offsets, times, found = _columns(data, "matrix" if grid.step else "vector", max_samples)
    steps = (times - grid.start) // grid.step if grid.step else np.zeros(len(times), np.int64)
    if len(steps) and (steps.min() < 0 or steps.max() >= grid.size):
        raise DependencyError("it answered with steps that were not asked for")
    values, present = np.full((labels.size, grid.size), np.nan), np.zeros((labels.size, grid.size), np.bool_)
    rows = np.repeat(np.arange(labels.size), np.diff(offsets))
    values[rows, steps] = found
    present[rows, steps] = True
    return Vector(labels, values, present, np.zeros(labels.size, np.bool_))


def data_of(body: bytes) -> tuple[Any, list[str]]:
    """
    Return an answer's ``data`` and warnings.

    Raises:
        DependencyError: it is none, or says that there was an error.
    """
    try:
        answer = orjson.loads(body)
        if answer["status"] != "success":
            raise DependencyError(str(answer["error"]))
        return answer["data"], [str(warning) for warning in answer.get("warnings") or ()]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        raise DependencyError(f"its answer is not one of Prometheus' API: {body[:80]!r}") from None


def _columns(data: Any, kind: str, max_samples: int) -> tuple[Labels, Times, Times, Floats]:
    """Return labels, offsets, times and values."""
    try:
        if data["resultType"] != kind:
            raise DependencyError(f"it answered with a {data['resultType']} where a {kind} was asked for")
        result = data["result"]
        if any("histogram" in one or "histograms" in one for one in result):
            raise HistogramsError("native histograms cannot be read through the query API ('read: remote_read' can)")
        points = [one["values"] if kind == "matrix" else [one["value"]] for one in result]
        offsets = np.concatenate([[0], np.cumsum([len(some) for some in points])]).astype(np.int64)
        if offsets[-1] > max_samples:
            raise too_many_samples(max_samples)
        flat = np.array(list(chain.from_iterable(chain.from_iterable(points))), object)
        times = np.rint(flat[0::2].astype(np.float64) * 1000).astype(np.int64)
        values = flat[1::2].astype(str).astype(np.float64)
        return Labels.of([one["metric"] for one in result]), offsets, times, values
    except (LookupError, TypeError, ValueError):
        raise DependencyError("its answer is no result of a query") from None
