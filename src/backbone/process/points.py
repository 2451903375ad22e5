"""What all points of OpenTelemetry metrics have in common: where they come from, their labels, their time."""

from __future__ import annotations

from backbone.process import metric_names
from backbone.process.values import sized, text, timestamp
from backbone.store.wire.columns import LATEST_NS

STALE = "reinterpretAsFloat64(toUInt64(0x7ff0000000000002))"
"""Prometheus' mark of a series that ended."""

LABELS = "label_names Array(LowCardinality(String)), label_values Array(String)"
ORIGIN = "tenant LowCardinality(String), received DateTime64(9, 'UTC'), service LowCardinality(String)"

# The labels of the resource and scope, then the point's own. Names that fall together once they are legal are one label
# with all values, as the specification has it; a point's own label does not take the place of its resource's.
POINT = f"""
    arrayMap(k -> {metric_names.label("k")}, p.attributes.key) AS own_names,
    arrayMap(v -> {text("v", 1)}, p.attributes.value) AS own_values,
    arrayConcat(m.label_names, own_names) AS all_names,
    arrayUniq(all_names) = length(all_names) AS distinct_names,
    arrayFilter(n -> NOT has(m.label_names, n), arrayDistinct(own_names)) AS free_names,
    if(distinct_names, all_names, arrayConcat(m.label_names, free_names)) AS point_names,
    if(distinct_names, arrayConcat(m.label_values, own_values), arrayConcat(m.label_values, arrayMap(
        n -> arrayStringConcat(arrayFilter((v, o) -> o = n, own_values, own_names), ';'), free_names))) AS point_values,
    throwIf(p.time_unix_nano > {LATEST_NS},
        'data_point.time_unix_nano: expected nanoseconds up to the year 2100') AS late,
    if(p.time_unix_nano > late, toInt64(intDiv(p.time_unix_nano, 1000000)),
        intDiv(toUnixTimestamp64Nano(m.received), 1000000)) AS at_ms,
    bitAnd(p.flags, 1) = 1 AS stale
"""
"""Expressions over a row ``m`` of ``metrics_in`` and one of its points ``p``."""

EXEMPLAR_NAMES = ("tenant", "fp", "time", "value", "trace_id", "span_id", "labels")
"""The columns of ``exemplars``."""


def exemplar_columns(exemplar: str) -> str:
    """Return the columns of the table ``exemplars`` for an OpenTelemetry exemplar, but for its series."""
    return f"""
    {timestamp(f"{exemplar}.time_unix_nano", "exemplar.time_unix_nano")} AS time,
    if({exemplar}.value = 'as_int', toFloat64({exemplar}.as_int), {exemplar}.as_double) AS value,
    {sized(f"{exemplar}.trace_id", 16, "exemplar.trace_id", optional=True)} AS trace_id,
    {sized(f"{exemplar}.span_id", 8, "exemplar.span_id", optional=True)} AS span_id,
    mapFromArrays(arrayMap(k -> {metric_names.label("k")}, {exemplar}.filtered_attributes.key),
        arrayMap(v -> {text("v", 2)}, {exemplar}.filtered_attributes.value)) AS labels
"""
