"""Classic histograms as native ones with custom buckets. Source: Prometheus 3.x, util/convertnhcb."""

from __future__ import annotations

import math
from collections.abc import Iterable

from backbone.query.promql.histograms import HistogramRow
from backbone.query.promql.script.commands import LoadedSeries
from backbone.query.selectors import METRIC_LABEL

_BOUND = "le"
_CUSTOM = -53

_Key = tuple[tuple[str, str], ...]


class _Classic:
    """What the series of one classic histogram say at one step."""

    def __init__(self) -> None:
        self.buckets: dict[float, float] = {}
        self.count: float | None = None
        self.sum = 0.0

    def native(self) -> HistogramRow:
        bounds = sorted(bound for bound in self.buckets if math.isfinite(bound))
        cumulative = [self.buckets[bound] for bound in bounds]
        count = self.count if self.count is not None else self.buckets.get(math.inf, max(cumulative, default=0.0))
        cumulative.append(self.buckets.get(math.inf, count))
        counts = [now - before for before, now in zip([0.0, *cumulative], cumulative, strict=False)]
        positive = [(at, own) for at, own in enumerate(counts) if own]
        return HistogramRow(_CUSTOM, count, self.sum, positive=positive, custom=tuple(bounds))


def with_native(series: Iterable[LoadedSeries]) -> list[LoadedSeries]:
    """Return the native histograms of all classic ones among *series*, under the name without ``_bucket``."""
    found: dict[_Key, dict[int, _Classic]] = {}
    for one in series:
        name = one.labels.get(METRIC_LABEL, "")
        base, _, part = name.rpartition("_")
        if part not in {"bucket", "count", "sum"} or (part == "bucket") != (_BOUND in one.labels):
            continue
        labels = {key: value for key, value in one.labels.items() if key != _BOUND} | {METRIC_LABEL: base}
        steps = found.setdefault(tuple(sorted(labels.items())), {})
        for at, point in enumerate(one.points):
            if isinstance(point, float) and not math.isnan(point):
                _note(steps.setdefault(at, _Classic()), part, one.labels, point)
    return [made for key, steps in found.items() if (made := _native_series(dict(key), steps)) is not None]


def _note(classic: _Classic, part: str, labels: dict[str, str], value: float) -> None:
    match part:
        case "bucket":
            classic.buckets[float(labels[_BOUND])] = value
        case "count":
            classic.count = value
        case _:
            classic.sum = value


def _native_series(labels: dict[str, str], steps: dict[int, _Classic]) -> LoadedSeries | None:
    with_buckets = {at: classic for at, classic in steps.items() if classic.buckets}
    if not with_buckets:
        return None
    points = [with_buckets[at].native() if at in with_buckets else None for at in range(max(with_buckets) + 1)]
    return LoadedSeries(labels, points)
