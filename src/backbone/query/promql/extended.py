"""
Anchored and smoothed range vectors.

Anchored windows begin with the last sample before them; smoothed ones begin and end with what lies between the samples
on either side of their edges. Source: Prometheus 3.x, promql/functions.go, extendedRate.
"""

from __future__ import annotations

import numpy as np

from backbone.query.promql.arguments import Arguments
from backbone.query.promql.ast import VectorSelector
from backbone.query.promql.context import Context
from backbone.query.promql.extended_histograms import histogram_counts, histogram_rise, interpolated_histograms
from backbone.query.promql.kernels.extended import extended_changes, extended_floats, interpolated
from backbone.query.promql.moments import milliseconds, moments
from backbone.query.promql.select import without_stale
from backbone.query.promql.values import Vector, Windows
from backbone.query.promql.windowed import Windowed


def widened(windows: Windows, lookback_ms: int) -> Windows:
    """Return the windows with the samples around them that their modifier brings in."""
    ends = windows.ends + lookback_ms if windows.extension == "smoothed" else windows.ends
    return Windows(windows.series, windows.starts - lookback_ms, ends, windows.range_ms, windows.extension)


def extended_rise(arguments: Arguments, *, counter: bool, per_seconds: float) -> Vector:
    """Return ``rate`` and its kin of an anchored or smoothed range vector."""
    windows = arguments.windows(0)
    windowed = Windowed(widened(windows, arguments.context.lookback_ms), arguments.context.notes, arguments.span(0))
    usable = windowed.without_mixed()
    smoothed = windows.extension == "smoothed"
    floats = windowed.floats
    values, present = extended_floats(
        floats.times, floats.values, windowed.float_windows, (windows.starts, windows.ends),
        smoothed=smoothed, counter=counter,
    )  # fmt: skip
    cells = None
    if windowed.series.histograms is not None:
        cells = histogram_rise(
            windowed,
            usable,
            (windows.starts, windows.ends),
            smoothed=smoothed,
            counter=counter,
            per_seconds=per_seconds,
        )
    return windowed.vector_with((values / per_seconds, present & usable), cells)


def extended_counts(arguments: Arguments, *, resets: bool) -> Vector:
    """Return ``resets`` or ``changes`` of an anchored range vector."""
    windows = arguments.windows(0)
    windowed = Windowed(widened(windows, arguments.context.lookback_ms), arguments.context.notes, arguments.span(0))
    if windowed.series.histograms is not None:
        return histogram_counts(windowed, windows.starts, resets=resets)
    floats = windowed.floats
    return windowed.vector(
        *extended_changes(floats.times, floats.values, windowed.float_windows, windows.starts, resets=resets)
    )


def smoothed_vector(context: Context, selector: VectorSelector) -> Vector:
    """Return each series at each step, between the samples before and after it; the last one stands if none comes."""
    series = without_stale(context.series(selector))
    times = moments(context.grid, context.query, selector.at, milliseconds(selector.offset))
    windows = Windows(series, times - context.lookback_ms, times + context.lookback_ms, 0, "smoothed")
    windowed = Windowed(windows, context.notes, selector.span)
    usable = windowed.without_mixed()
    floats = windowed.floats
    values, present = interpolated(floats.times, floats.values, windowed.float_windows, times)
    cells = None
    if series.histograms is not None:
        cells = interpolated_histograms(windowed, usable, times)
    return windowed.vector_with((np.where(present, values, np.nan), present & usable), cells, keeps_name=True)
