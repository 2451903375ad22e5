"""
Sums that do not lose small addends beside large ones.

Source: A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974.
"""

from __future__ import annotations

import math

import numpy as np

from backbone.compiled import kernel
from backbone.query.promql.arrays import Floats


@kernel
def add(value: float, total: float, rest: float) -> tuple[float, float]:
    """Return the total with *value* added, and what rounding has left of it so far."""
    grown = total + value
    if math.isinf(grown):
        return grown, 0.0
    if abs(total) >= abs(value):
        return grown, rest + ((total - grown) + value)
    return grown, rest + ((value - grown) + total)


@kernel
def total(values: Floats) -> float:
    summed = 0.0
    rest = 0.0
    for value in values:
        summed, rest = add(value, summed, rest)
    return summed if math.isinf(summed) else summed + rest


@kernel
def mean(values: Floats) -> float:
    """Return the mean; where the sum would be infinite and the values are not, it is found step by step."""
    average = values[0]
    rest = 0.0
    stepwise = False
    count = 1.0
    for value in values[1:]:
        count += 1.0
        if not stepwise:
            grown, grown_rest = add(value, average, rest)
            if not math.isinf(grown):
                average, rest = grown, grown_rest
                continue
            stepwise = True
            average /= count - 1.0
            rest /= count - 1.0
        share = (count - 1.0) / count
        average, rest = add(value / count, share * average, share * rest)
    return average + rest if stepwise else average / count + rest / count


@kernel
def variance(values: Floats) -> float:
    """Return the population variance."""
    count = 0.0
    average = average_rest = spread = spread_rest = 0.0
    for value in values:
        count += 1.0
        delta = value - (average + average_rest)
        average, average_rest = add(delta / count, average, average_rest)
        spread, spread_rest = add(delta * (value - (average + average_rest)), spread, spread_rest)
    return (spread + spread_rest) / count


@kernel
def quantile(q: float, ordered: Floats) -> float:
    """Return a quantile of sorted values, between two of them by their weights."""
    if len(ordered) == 0 or math.isnan(q):
        return np.nan
    if q < 0:
        return -np.inf
    if q > 1:
        return np.inf
    rank = q * (len(ordered) - 1)
    lower = max(0, math.floor(rank))
    upper = min(len(ordered) - 1, lower + 1)
    weight = rank - math.floor(rank)
    return ordered[lower] * (1.0 - weight) + ordered[upper] * weight


@kernel
def sorted_nan_first(values: Floats) -> Floats:
    ordered = np.sort(values)
    missing = 0
    for value in ordered[::-1]:
        if not math.isnan(value):
            break
        missing += 1
    return ordered if missing == 0 else np.roll(ordered, missing)
