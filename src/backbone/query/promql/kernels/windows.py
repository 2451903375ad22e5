"""Which samples each step's window holds."""

from __future__ import annotations

import numpy as np

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats, Mask, Rows, Times
from backbone.query.promql.kernels.parallel import over_rows


def find_windows(times: Times, offsets: Times, starts: Times, ends: Times) -> tuple[Rows, Rows]:
    """
    Return the first sample of each window and the one after its last, as indexes into *times*.

    Shapes: ``starts`` and ``ends`` (step,), neither of them falling; the result (series, step).
    """
    series, steps = len(offsets) - 1, len(ends)
    low = np.empty((series, steps), np.int32)
    high = np.empty((series, steps), np.int32)
    over_rows(
        lambda first, last: _windows(times, offsets, starts, ends, low, high, first, last), series, series * steps
    )
    return low, high


def latest(values: Floats, high: Rows, low: Rows) -> tuple[Floats, Mask]:
    """Return each window's last value and whether there is one; shapes (series, step)."""
    out = np.empty(high.shape)
    present = np.empty(high.shape, np.bool_)
    over_rows(lambda first, last: _latest(values, low, high, out, present, first, last), len(high), high.size)
    return out, present


@kernel
def _windows(
    times: Times, offsets: Times, starts: Times, ends: Times, low: Rows, high: Rows, first: int, last: int
) -> None:
    for series in range(first, last):
        stop = offsets[series + 1]
        begin = end = offsets[series] + np.searchsorted(times[offsets[series] : stop], starts[0], side="right")
        for step in range(len(ends)):
            while end < stop and times[end] <= ends[step]:
                end += 1
            while begin < end and times[begin] <= starts[step]:
                begin += 1
            low[series, step] = begin
            high[series, step] = end


@kernel
def _latest(values: Floats, low: Rows, high: Rows, out: Floats, present: Mask, first: int, last: int) -> None:
    for series in range(first, last):
        for step in range(low.shape[1]):
            found = high[series, step] > low[series, step]
            present[series, step] = found
            out[series, step] = values[high[series, step] - 1] if found else np.nan
