"""From a value to the answer of a query."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backbone.query.promql.answer import EMPTY_FRAME, Answer, Frame
from backbone.query.promql.ast import ValueType
from backbone.query.promql.kernels.arrange import Chunk, arrange
from backbone.query.promql.labels import METADATA_LABELS, Labels
from backbone.query.promql.matching import merge_equal
from backbone.query.promql.values import Grid, Scalar, Text, Value, Vector, Windows


def answer_of(value: Value, query: Grid) -> Answer:
    """Return the answer that a value is; raises `EvaluationError` where two series come to have the same labels."""
    match value:
        case Text():
            return Answer(ValueType.STRING, EMPTY_FRAME, value.value)
        case Scalar():
            times, one = query.times, Labels(1, {})
            frame = Frame(one, np.array([0, len(times)]), times, value.values)
            return Answer(ValueType.MATRIX if query.step else ValueType.SCALAR, frame)
        case Vector():
            return _vector_answer(value, query)
        case Windows():
            return _matrix_answer(value)


def plain_vector(vector: Vector) -> Vector:
    """Return a vector with its labels as they are when the query is over, each set of them once."""
    named = replace(vector, labels=vector.plain_labels(), nameless=np.zeros(vector.labels.size, np.bool_))
    return merge_equal(named.pruned())


def _vector_answer(vector: Vector, query: Grid) -> Answer:
    plain = plain_vector(vector)
    if not plain.ordered:
        plain = plain.take(plain.labels.sort_order())
    present = plain.present
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    times = np.broadcast_to(query.times, present.shape)[present]
    cells = plain.histograms
    rows = cells.rows[present] if cells is not None and plain.histogram_points.any() else None
    frame = Frame(plain.labels, offsets, times, plain.values[present], rows)
    kind = ValueType.MATRIX if query.step else ValueType.VECTOR
    return Answer(kind, frame, block=cells.block if cells is not None else None)


def _matrix_answer(windows: Windows) -> Answer:
    """Return the samples of an instant query's range vector."""
    series, start, end = windows.series, int(windows.starts[0]), int(windows.ends[0])
    everyone = np.arange(series.labels.size, dtype=np.uint64)
    floats = series.floats
    inside = (floats.times > start) & (floats.times <= end)
    owner = np.repeat(everyone, np.diff(floats.offsets))
    chunks: list[Chunk] = [(owner[inside], floats.times[inside], np.flatnonzero(inside).astype(np.float64))]
    histograms = series.histograms
    if histograms is not None:
        within = (histograms.times > start) & (histograms.times <= end)
        owner = np.repeat(everyone, np.diff(histograms.offsets))
        chunks.append((owner[within], histograms.times[within], (-1.0 - np.flatnonzero(within)).astype(np.float64)))
    offsets, times, at, _ = arrange(everyone, chunks)
    index = at.astype(np.int64)
    values = np.full(len(index), np.nan)
    values[index >= 0] = floats.values[index[index >= 0]]
    rows = np.where(index < 0, -1 - index, -1).astype(np.int32) if histograms is not None else None
    labels = series.labels.blank(METADATA_LABELS, series.nameless)
    frame = _without_empty(Frame(labels, offsets, times, values, rows))
    return Answer(ValueType.MATRIX, frame, block=histograms.block if histograms is not None else None)


def _without_empty(frame: Frame) -> Frame:
    """Return a frame of the series that have points, in order of their labels."""
    sizes = np.diff(frame.offsets)
    order = frame.labels.sort_order()
    order = order[sizes[order] > 0]
    take = np.concatenate([np.zeros(0, np.int64), *(np.arange(*frame.offsets[row : row + 2]) for row in order)])
    rows = None if frame.histograms is None else frame.histograms[take]
    offsets = np.concatenate([[0], np.cumsum(sizes[order])])
    return Frame(frame.labels.take(order), offsets, frame.times[take], frame.values[take], rows)
