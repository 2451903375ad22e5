"""
Answers as the ``data`` of Prometheus' HTTP API.

Source: Prometheus 3.x, HTTP API, "Expression query result formats".
"""

from __future__ import annotations

import numpy as np
import orjson

from backbone.query.promql.answer import Answer, Frame
from backbone.query.promql.ast import ValueType
from backbone.query.promql.go_floats import print_float, print_short
from backbone.query.promql.histograms import Histograms, to_bucket_list
from backbone.query.promql.kernels.points import print_points


def print_answer(answer: Answer, time_ms: int, limit: int = 0) -> bytes:
    """
    Return ``{"resultType": …, "result": …}``.

    Args:
        time_ms: the query's, which a string's result is given with.
        limit: how many series to print, 0 for all.
    """
    kind = f'{{"resultType":"{answer.type}","result":'.encode()
    frame = answer.frame
    if answer.type is ValueType.STRING:
        return kind + orjson.dumps([time_ms / 1000 if time_ms % 1000 else time_ms // 1000, answer.text]) + b"}"
    points = _points(frame, answer.block)
    if answer.type is ValueType.SCALAR:
        return kind + points[0][0].rstrip(b",") + b"}"
    rows = zip(frame.labels.rows(), points, strict=True)
    printed = _matrix if answer.type is ValueType.MATRIX else _sample
    shown = [printed(labels, floats, histograms) for labels, (floats, histograms) in rows]
    return kind + b"[" + b",".join(shown[:limit] if limit else shown) + b"]}"


def _matrix(labels: dict[str, str], floats: bytes, histograms: bytes) -> bytes:
    parts = [b'{"metric":', orjson.dumps(labels)]
    if floats or not histograms:
        parts += [b',"values":[', floats[:-1], b"]"]
    if histograms:
        parts += [b',"histograms":[', histograms[:-1], b"]"]
    return b"".join([*parts, b"}"])


def _sample(labels: dict[str, str], floats: bytes, histograms: bytes) -> bytes:
    name, point = (b"value", floats) if floats else (b"histogram", histograms)
    return b'{"metric":' + orjson.dumps(labels) + b',"' + name + b'":' + point[:-1] + b"}"


def _points(frame: Frame, block: Histograms | None) -> list[tuple[bytes, bytes]]:
    """Return the floats and the histograms of each series, each point with a comma after it."""
    if frame.histograms is None or block is None:
        return [(floats, b"") for floats in print_points(frame.times, frame.values, frame.offsets)]
    is_float = frame.histograms < 0
    offsets = np.concatenate([[0], np.cumsum(is_float)])[frame.offsets]
    floats = print_points(frame.times[is_float], frame.values[is_float], offsets)
    bounds = frame.offsets.tolist()
    printed = []
    for own, begin, end in zip(floats, bounds, bounds[1:], strict=False):
        rows = zip(frame.times[begin:end].tolist(), frame.histograms[begin:end].tolist(), strict=True)
        printed.append((own, b"".join(_histogram(block, time, row) for time, row in rows if row >= 0)))
    return printed


def _histogram(block: Histograms, time: int, row: int) -> bytes:
    buckets = [
        [kind, print_api(lower), print_api(upper), print_api(count)]
        for kind, lower, upper, count in to_bucket_list(block, row)
    ]
    shown: dict[str, object] = {"count": print_api(float(block.count[row])), "sum": print_api(float(block.sum[row]))}
    if buckets:
        shown |= {"buckets": buckets}
    seconds = time / 1000 if time % 1000 else time // 1000
    return orjson.dumps([seconds, shown]) + b","


def print_api(value: float) -> str:
    """Return a number as the API prints it: with an exponent only below 1e-6 and from 1e21 on."""
    size = abs(value)
    if size != 0 and np.isfinite(value) and (size < 1e-6 or size >= 1e21):
        return print_short(value)
    return print_float(value)
