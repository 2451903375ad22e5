"""Prometheus remote write 1.0: from the wire to series, native histograms, exemplars and metadata."""

from __future__ import annotations

from backbone.process.points import EXEMPLAR_NAMES
from backbone.process.series import fated, fingerprint, label_hash
from backbone.process.view import Pipeline, View
from backbone.store.wire.columns import LATEST_NS

_UNPACK = f"""
WITH arrayJoin(timeseries) AS s, s.labels.value[indexOf(s.labels.name, '__name__')] AS metric
SELECT
    tenant,
    fromUnixTimestamp64Nano(toInt64(received_ns), 'UTC') AS received,
    s.labels.value[indexOf(s.labels.name, 'job')] AS service,
    metric,
    {label_hash("s.labels.name", "s.labels.value")} AS id,
    {fingerprint("metric", "id")} AS fp,
    s.labels.name AS label_names,
    s.labels.value AS label_values,
    if(empty(s.samples), 'histogram', 'unknown') AS type,
    '' AS unit,
    if(empty(s.samples), arrayMin(s.histograms.timestamp), arrayMin(s.samples.timestamp)) AS first_ms,
    greatest(arrayMax(s.samples.timestamp), arrayMax(s.histograms.timestamp)) AS last_ms,
    if(throwIf(first_ms < 0 OR last_ms > {LATEST_NS // 10**6},
        'sample.timestamp: expected milliseconds from 1970 to the year 2100') = 0, s.samples.timestamp, []) AS times_ms,
    s.samples.value AS values,
    s.key AS key,
    s.redactions AS redactions
FROM wire_remote_write
"""

_IDENTITY = f"""
    s.labels.value[indexOf(s.labels.name, '__name__')] AS metric,
    {label_hash("s.labels.name", "s.labels.value")} AS id
"""


_HISTOGRAM_NAMES = (
    "tenant", "fp", "time", "start", "count", "sum", "schema", "zero_threshold", "zero_count", "positive_offsets",
    "positive_lengths", "positive_counts", "negative_offsets", "negative_lengths", "negative_counts", "custom_bounds",
    "reset", "is_float",
)  # fmt: skip


def _counts(deltas: str, counts: str) -> str:
    absolute = f"arrayMap(c -> toFloat64(c), arrayCumSum({deltas}))"
    return f"if(empty({counts}), {absolute}, {counts})"


_HISTOGRAMS = f"""
WITH arrayJoin(arrayFilter(t -> notEmpty(t.histograms), timeseries)) AS s, arrayJoin(s.histograms) AS h,
    {_IDENTITY}
SELECT tenant, id, {fingerprint("metric", "id")} AS fp,
    fromUnixTimestamp64Milli(h.timestamp, 'UTC') AS time,
    fromUnixTimestamp64Milli(toInt64(0), 'UTC') AS start,
    if(h.count = 'count_float', h.count_float, toFloat64(h.count_int)) AS count,
    h.sum AS sum,
    toInt8(if(throwIf(h.schema NOT BETWEEN -4 AND 8 AND h.schema != -53,
        'histogram.schema: expected -4 to 8, or -53') = 0, h.schema, 0)) AS schema,
    h.zero_threshold AS zero_threshold,
    if(h.zero_count = 'zero_count_float', h.zero_count_float, toFloat64(h.zero_count_int)) AS zero_count,
    h.positive_spans.offset AS positive_offsets,
    h.positive_spans.length AS positive_lengths,
    {_counts("h.positive_deltas", "h.positive_counts")} AS positive_counts,
    h.negative_spans.offset AS negative_offsets,
    h.negative_spans.length AS negative_lengths,
    {_counts("h.negative_deltas", "h.negative_counts")} AS negative_counts,
    h.custom_values AS custom_bounds,
    if(h.reset_hint BETWEEN 0 AND 3, h.reset_hint, 0) AS reset,
    h.count = 'count_float' AS is_float
FROM wire_remote_write
"""

_EXEMPLARS = f"""
WITH arrayJoin(arrayFilter(t -> notEmpty(t.exemplars), timeseries)) AS s, arrayJoin(s.exemplars) AS e,
    {_IDENTITY},
    mapFromArrays(e.labels.name, e.labels.value) AS labels
SELECT tenant, id, {fingerprint("metric", "id")} AS fp,
    fromUnixTimestamp64Milli(e.timestamp, 'UTC') AS time,
    e.value AS value,
    toFixedString(if(match(labels['trace_id'], '^[0-9a-fA-F]{{32}}$'), unhex(labels['trace_id']), ''), 16) AS trace_id,
    toFixedString(if(match(labels['span_id'], '^[0-9a-fA-F]{{16}}$'), unhex(labels['span_id']), ''), 8) AS span_id,
    labels
FROM wire_remote_write
"""

# Prometheus sends all metadata every minute; what is known already is not written again.
_METADATA = """
SELECT * FROM (
SELECT tenant, m.metric_family_name AS metric,
    ['unknown', 'counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset']
        [if(m.type BETWEEN 0 AND 7, m.type, 0) + 1] AS type,
    m.unit AS unit, m.help AS help, fromUnixTimestamp64Milli(toInt64(intDiv(received_ns, 1000000)), 'UTC') AS updated
FROM wire_remote_write ARRAY JOIN metadata AS m
) WHERE cityHash64(toString(tenant), metric, type, unit, help) NOT IN known_metadata
"""

_INGESTED = """
SELECT tenant, received, 'metrics' AS signal, '' AS service, '' AS refused, items
FROM (
    SELECT tenant, fromUnixTimestamp64Nano(toInt64(received_ns), 'UTC') AS received,
        arraySum(s -> length(s.samples) + length(s.histograms), timeseries) AS items
    FROM wire_remote_write
)
"""


REMOTE_WRITE = Pipeline(
    passages=(),
    views=(
        View("remote_write_unpack", "series_in", _UNPACK),
        View("remote_write_histograms", "histograms", fated(_HISTOGRAMS, _HISTOGRAM_NAMES)),
        View("remote_write_exemplars", "exemplars", fated(_EXEMPLARS, EXEMPLAR_NAMES)),
        View("remote_write_metadata", "metadata", _METADATA),
        View("remote_write_ingested", "ingested", _INGESTED),
    ),
)
"""The steps from ``wire_remote_write`` to ``series_in`` and the tables of metrics."""
