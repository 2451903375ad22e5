"""
What views refuse, once more as conditions over whole requests: which of a group's requests are to blame, in one look.

Views stop at the first fault and cannot say whose it is. Planning them takes far longer than these few expressions do,
so a failed group is looked through here rather than written in ever smaller parts. What is not listed is found all the
same, by parting the group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backbone.process.samples import TIMES
from backbone.store.wire import WireName
from backbone.store.wire.columns import LATEST_NS

_METRICS = "resource_metrics.scope_metrics.metrics"
_POINTS = tuple(
    f"{_METRICS}.{kind}.data_points" for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary")
)


def faults_query(wire: WireName) -> str:
    """Return the select of the ``place``, from 0, and ``reason`` of those rows of ``requests`` that views refuse."""
    branches = ", ".join(f"{condition}, '{reason}'" for reason, condition in _FAULTS[wire])
    judged = f"SELECT rowNumberInAllBlocks() AS place, multiIf({branches}, '') AS reason FROM requests"
    return f"SELECT place, reason FROM ({judged}) WHERE reason != ''"


def _any(items: Sequence[str] | str, condition: str) -> str:
    """Return whether the condition over ``x`` holds for any of the values, however deep in arrays they lie."""
    paths = [items] if isinstance(items, str) else items
    return " OR ".join(f"arrayExists(x -> {condition}, arrayFlatten({path}))" for path in paths)


def _sized(path: str, name: str, sizes: str) -> tuple[str, str]:
    return f"{name}: expected {sizes.split(',', maxsplit=1)[0]} bytes", _any(path, f"length(x) NOT IN ({sizes})")


def _late(path: str, name: str) -> tuple[str, str]:
    return f"{name}: expected nanoseconds up to the year 2100", _any(path, f"x > {LATEST_NS}")


def _days(path: str, day: int) -> tuple[str, str]:
    return (
        "times: expected at most 100 different days in one request",
        f"length(arrayDistinct(arrayMap(x -> intDiv(x, {day}), arrayFlatten({path})))) > 100",
    )


_DAY_NS = 86_400 * 10**9
_FAULTS: Mapping[WireName, Sequence[tuple[str, str]]] = {
    "metrics": (
        *(_late(f"{points}.time_unix_nano", "data_point.time_unix_nano") for points in _POINTS),
        *(_days(f"{points}.time_unix_nano", _DAY_NS) for points in _POINTS),
        *(_late(f"{points}.exemplars.time_unix_nano", "exemplar.time_unix_nano") for points in _POINTS[:-1]),
        *(_sized(f"{points}.exemplars.trace_id", "exemplar.trace_id", "16, 0") for points in _POINTS[:-1]),
        *(_sized(f"{points}.exemplars.span_id", "exemplar.span_id", "8, 0") for points in _POINTS[:-1]),
        (
            "histogram.bucket_counts: expected one more than explicit_bounds",
            (
                "arrayExists(p -> (notEmpty(p.bucket_counts) OR notEmpty(p.explicit_bounds)) "
                "AND length(p.bucket_counts) != length(p.explicit_bounds) + 1, "
                f"arrayFlatten({_METRICS}.histogram.data_points))"
            ),
        ),
        (
            "exponential_histogram.scale: expected -4 to 20",
            _any(f"{_METRICS}.exponential_histogram.data_points.scale", "x NOT BETWEEN -4 AND 20"),
        ),
        (
            "exponential_histogram.offset: expected -2^24 to 2^24",
            _any(
                [f"{_METRICS}.exponential_histogram.data_points.{side}.offset" for side in ("positive", "negative")],
                "abs(toInt64(x)) > 16777216",
            ),
        ),
        ("series without a metric name", _any(f"{_METRICS}.name", "NOT match(x, '[a-zA-Z0-9:]')")),
        (
            "label value that is not UTF-8",
            _any([f"{points}.attributes.value.string_value" for points in _POINTS], "NOT isValidUTF8(x)"),
        ),
    ),
    "samples": (_days(TIMES, 86_400_000),),
    "remote_write": (
        (
            "sample.timestamp: expected milliseconds from 1970 to the year 2100",
            _any(
                ["timeseries.samples.timestamp", "timeseries.histograms.timestamp", "timeseries.exemplars.timestamp"],
                f"x NOT BETWEEN 0 AND {LATEST_NS // 10**6}",
            ),
        ),
        (
            "series without a metric name",
            (
                "arrayExists(s -> s.labels.value[indexOf(s.labels.name, '__name__')] = '' "
                "AND (notEmpty(s.samples) OR notEmpty(s.histograms)), timeseries)"
            ),
        ),
        _days("timeseries.samples.timestamp", 86_400_000),
        ("label without a name", _any("timeseries.labels.name", "x = ''")),
        ("label name that is not UTF-8", _any("timeseries.labels.name", "NOT isValidUTF8(x)")),
        ("label value that is not UTF-8", _any("timeseries.labels.value", "NOT isValidUTF8(x)")),
        (
            "series with a label given twice",
            "arrayExists(s -> arrayUniq(s.labels.name) != length(s.labels.name), timeseries)",
        ),
        (
            "histogram.schema: expected -4 to 8, or -53",
            _any("timeseries.histograms.schema", "x NOT BETWEEN -4 AND 8 AND x != -53"),
        ),
    ),
}
