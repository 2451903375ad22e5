"""
OpenTelemetry's exponential histograms as Prometheus' native ones.

Bucket i of the former has the bounds of bucket i + 1 of the latter. Scales over 8, which Prometheus does not have, are
brought down by adding neighbours up. A delta is stored as it is and marked as a counter reset: increases over time,
which add up what comes after each reset, are exact.
"""

from __future__ import annotations

from backbone.process.points import EXEMPLAR_NAMES, LABELS, ORIGIN, POINT, STALE, exemplar_columns
from backbone.process.series import fated, fingerprint, label_hash, pair_hash
from backbone.process.values import plain_elements
from backbone.process.view import Passage, Pipeline, View
from backbone.store.wire import wire

_KEPT = (
    "count", "sum", "schema", "zero_threshold", "zero_count", "positive_offsets", "positive_lengths", "positive_counts",
    "negative_offsets", "negative_lengths", "negative_counts", "reset",
)  # fmt: skip
_HISTOGRAM = f"""
    tenant, fp, fromUnixTimestamp64Milli(time_ms, 'UTC') AS time, fromUnixTimestamp64Milli(start_ms, 'UTC') AS start,
    {", ".join(_KEPT)}
"""

_FARTHEST = 1 << 24
"""Doubles lie within 2^30 buckets of one at the finest scale, 2^20 a doubling; more is a mistake and would overflow."""


def _side(side: str) -> str:
    counts, offset = f"p.{side}.bucket_counts", f"p.{side}.offset"
    low = f"toInt32(floor({offset} / exp2(shift)))"
    high = f"toInt32(floor(({offset} + length({counts}) - 1) / exp2(shift)))"
    merged = (
        f"arrayMap(b -> toFloat64(arraySum((c, i) -> if(floor(({offset} + i - 1) / exp2(shift)) = b, c, 0), "
        f"{counts}, arrayEnumerate({counts}))), range({low}, {high} + 1))"
    )
    return f"""
    if(shift = 0, arrayMap(c -> toFloat64(c), {counts}), {merged}) AS {side}_counts,
    if(empty({side}_counts), [], [{low} + 1]) AS {side}_offsets,
    if(empty({side}_counts), [], [toUInt32(length({side}_counts))]) AS {side}_lengths
"""


_UNPACK = f"""
WITH arrayJoin(m.exponentials) AS p, {POINT}, greatest(p.scale - 8, 0) AS shift,
    throwIf(abs(toInt64(p.positive.offset)) > {_FARTHEST} OR abs(toInt64(p.negative.offset)) > {_FARTHEST},
        'exponential_histogram.offset: expected -2^24 to 2^24') AS far
SELECT m.tenant AS tenant, m.received AS received, m.service AS service, m.family AS metric, m.unit AS unit,
    {label_hash("point_names", "point_values")} + {pair_hash("__name__", "metric")} AS id,
    {fingerprint("metric", "id")} AS fp,
    point_names AS label_names, point_values AS label_values, at_ms AS time_ms,
    bitOr(m.redactions, p.redactions) AS redactions,
    toInt64(intDiv(p.start_time_unix_nano, 1000000)) AS start_ms,
    toFloat64(p.count) AS count, if(stale, {STALE}, p.sum) AS sum,
    toInt8(if(far = 0 AND throwIf(p.scale NOT BETWEEN -4 AND 20, 'exponential_histogram.scale: expected -4 to 20') = 0,
        p.scale - shift, 0)) AS schema,
    p.zero_threshold AS zero_threshold, toFloat64(p.zero_count) AS zero_count,
    {_side("positive")}, {_side("negative")},
    if(m.delta, 'yes', 'unknown') AS reset, p.exemplars AS exemplars
FROM metrics_in AS m
"""

_SERIES = """
SELECT tenant, received, service, metric, id, fp, label_names, label_values, 'histogram' AS type, unit,
    time_ms AS first_ms, time_ms AS last_ms, emptyArrayInt64() AS times_ms, emptyArrayFloat64() AS values, redactions
FROM exponentials_in
"""

_EXEMPLARS = f"""
WITH arrayJoin(exemplars) AS e
SELECT tenant, id, fp, {exemplar_columns("e")}
FROM exponentials_in
"""

_PASSAGE = Passage(
    "exponentials_in",
    f"{ORIGIN}, metric String, unit LowCardinality(String), id UInt64, fp UInt64, {LABELS}, redactions UInt64, "
    "time_ms Int64, start_ms Int64, count Float64, sum Float64, schema Int8, zero_threshold Float64, "
    "zero_count Float64, "
    "positive_counts Array(Float64), positive_offsets Array(Int32), positive_lengths Array(UInt32), "
    "negative_counts Array(Float64), negative_offsets Array(Int32), negative_lengths Array(UInt32), "
    f"reset LowCardinality(String), exemplars Array({wire('metrics').type_of('Exemplar')})",
)


_STORED = fated(f"SELECT id, {_HISTOGRAM} FROM exponentials_in", ("tenant", "fp", "time", "start", *_KEPT))
EXPONENTIALS = Pipeline(
    passages=(_PASSAGE,),
    views=(
        View("exponentials_unpack", "exponentials_in", plain_elements(_UNPACK, "m")),
        View("exponentials_store", "histograms", _STORED),
        View("exponentials_series", "series_in", _SERIES),
        View("exponentials_exemplars", "exemplars", fated(_EXEMPLARS, EXEMPLAR_NAMES)),
    ),
)
"""The steps from ``metrics_in`` to the table of native histograms."""
