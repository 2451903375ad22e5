"""
OpenTelemetry metrics: from the wire to series by the rules of the OpenTelemetry-Prometheus compatibility specification.

wire → ``metrics_in`` (a row per metric, with what its resource and scope give to every point) → ``points_in`` (a row
per point, with the series it makes as arrays) → ``samples``, and ``series_in`` where a series may be new. Points with
delta temporality pass ``accumulated_in``, where they are added to the last total of their series. Exponential
histograms go straight to ``histograms``.
"""

from __future__ import annotations

from backbone.process import metric_names
from backbone.process.deltas import DELTAS
from backbone.process.exponential import EXPONENTIALS
from backbone.process.ingested import ingested
from backbone.process.points import EXEMPLAR_NAMES, LABELS, ORIGIN, POINT, STALE, exemplar_columns
from backbone.process.policy import Policy
from backbone.process.series import fated, fingerprint, is_merged, known_key, label_hash, pair_hash
from backbone.process.values import plain_elements, string_of, text
from backbone.process.view import Passage, Pipeline, Recall, View
from backbone.store.wire import wire

_POINTS = {
    "numbers": wire("metrics").type_of("NumberPoint"),
    "histograms": wire("metrics").type_of("HistogramPoint"),
    "exponentials": wire("metrics").type_of("ExponentialPoint"),
    "summaries": wire("metrics").type_of("SummaryPoint"),
}
_EXEMPLAR = wire("metrics").type_of("Exemplar")

_METRICS_IN = Passage(
    "metrics_in",
    f"{ORIGIN}, family String, type LowCardinality(String), unit LowCardinality(String), help String, delta Bool, "
    f"{LABELS}, redactions UInt64, " + ", ".join(f"{name} Array({shape})" for name, shape in _POINTS.items()),
)
_POINTS_IN = Passage(
    "points_in",
    f"{ORIGIN}, type LowCardinality(String), unit LowCardinality(String), delta Bool, shape UInt64, known Bool, "
    f"redactions UInt64, time_ms Int64, {LABELS}, "
    "metrics Array(String), extra_names Array(LowCardinality(String)), extra_values Array(String), "
    f"ids Array(UInt64), fps Array(UInt64), values Array(Float64), bounds Array(Float64), exemplars Array({_EXEMPLAR})",
)
_NEW_POINTS_IN = Passage(
    "new_points_in",
    f"{ORIGIN}, type LowCardinality(String), unit LowCardinality(String), shape UInt64, redactions UInt64, "
    f"time_ms Int64, {LABELS}, metrics Array(String), extra_names Array(LowCardinality(String)), "
    "extra_values Array(String), ids Array(UInt64), fps Array(UInt64), values Array(Float64)",
)


def _identity(resource: str) -> str:
    attributes = f"{resource}.attributes"
    return f"""
    {string_of(attributes, "service.name")} AS service_name,
    {string_of(attributes, "service.namespace")} AS namespace,
    if(namespace = '', service_name, concat(namespace, '/', service_name)) AS job,
    {string_of(attributes, "service.instance.id")} AS instance
"""


_METRICS = f"""
WITH arrayJoin(resource_metrics) AS r, arrayJoin(r.scope_metrics) AS sm, arrayJoin(sm.metrics) AS m,
    {_identity("r.resource")},
    multiIf(notEmpty(m.sum.data_points), if(m.sum.is_monotonic, 'counter', 'gauge'),
        notEmpty(m.histogram.data_points) OR notEmpty(m.exponential_histogram.data_points), 'histogram',
        notEmpty(m.summary.data_points), 'summary', 'gauge') AS kind,
    {metric_names.unit("m.unit", "kind")} AS words,
    arrayConcat(['job', 'instance', 'otel_scope_name', 'otel_scope_version', 'otel_scope_schema_url'],
        arrayMap(k -> concat('otel_scope_', {metric_names.label("toString(k)")}), sm.scope.attributes.key))
        AS base_names,
    arrayConcat([job, instance, sm.scope.name, sm.scope.version, sm.schema_url],
        arrayMap(v -> {text("v", 2)}, sm.scope.attributes.value)) AS base_values
SELECT
    tenant,
    fromUnixTimestamp64Nano(toInt64(received_ns), 'UTC') AS received,
    service_name AS service,
    {metric_names.metric("m.name", "words", "kind")} AS family,
    kind AS type,
    words AS unit,
    m.description AS help,
    m.sum.aggregation_temporality = 1 OR m.histogram.aggregation_temporality = 1
        OR m.exponential_histogram.aggregation_temporality = 1 AS delta,
    arrayFilter((n, v) -> v != '', base_names, base_values) AS label_names,
    arrayFilter(v -> v != '', base_values) AS label_values,
    bitOr(r.redactions, sm.redactions) AS redactions,
    arrayConcat(m.gauge.data_points, m.sum.data_points) AS numbers,
    m.histogram.data_points AS histograms,
    m.exponential_histogram.data_points AS exponentials,
    m.summary.data_points AS summaries
FROM wire_metrics
"""


def _points(points: str, expressions: str, metrics: str, extra: tuple[str, str], values: str, rest: str) -> str:
    """Return the select of one kind of points; ``{merged}`` stands for `is_merged`."""
    return f"""
WITH arrayJoin(m.{points}) AS p, {POINT}{expressions},
    {label_hash("point_names", "point_values")} AS hash
SELECT m.tenant AS tenant, m.received AS received, m.service AS service, m.type AS type, m.unit AS unit,
    {"m.delta" if points in {"numbers", "histograms"} else "false"} AS delta, at_ms AS time_ms,
    point_names AS label_names, point_values AS label_values,
    {metrics} AS metrics, {extra[0]} AS extra_names, {extra[1]} AS extra_values,
    arrayMap((x, n, v) -> hash + {pair_hash("__name__", "x")} + if(v = '', 0, cityHash64(toString(n), v)),
        metrics, extra_names, extra_values) AS ids,
    cityHash64(toString(tenant), ids, intDiv(time_ms, 86400000)) AS shape,
    bitOr(m.redactions, p.redactions) AS redactions,
    NOT {{merged}} AND shape IN known_points AS known,
    arrayMap((x, i) -> {fingerprint("x", "i")}, metrics, ids) AS fps,
    {values} AS values, {rest}
FROM metrics_in AS m
"""


_NUMBERS = _points(
    "numbers",
    "",
    "[m.family]",
    ("['']", "['']"),
    f"[multiIf(stale, {STALE}, p.value = 'as_int', toFloat64(p.as_int), p.as_double)]",
    "emptyArrayFloat64() AS bounds, p.exemplars AS exemplars",
)

_HISTOGRAMS = _points(
    "histograms",
    """,
    throwIf((notEmpty(p.bucket_counts) OR notEmpty(p.explicit_bounds))
        AND length(p.bucket_counts) != length(p.explicit_bounds) + 1,
        'histogram.bucket_counts: expected one more than explicit_bounds') AS uneven,
    arrayPushBack(arrayMap(b -> toString(b), p.explicit_bounds), '+Inf') AS edges,
    if(uneven OR empty(p.bucket_counts), [p.count], arrayCumSum(p.bucket_counts)) AS below,
    p.sum_presence = 'sum' AS summed""",
    "arrayConcat(arrayMap(e -> concat(m.family, '_bucket'), edges), [concat(m.family, '_count')], "
    "if(summed, [concat(m.family, '_sum')], []))",
    (
        "arrayConcat(arrayMap(e -> 'le', edges), if(summed, ['', ''], ['']))",
        "arrayConcat(edges, if(summed, ['', ''], ['']))",
    ),
    f"arrayMap(x -> if(stale, {STALE}, x), arrayConcat(arrayMap(c -> toFloat64(c), below), [toFloat64(p.count)], "
    "if(summed, [p.sum], []))) ",
    "p.explicit_bounds AS bounds, p.exemplars AS exemplars",
)

_SUMMARIES = _points(
    "summaries",
    "",
    "arrayConcat(arrayMap(q -> m.family, p.quantile_values), [concat(m.family, '_count'), concat(m.family, '_sum')])",
    (
        "arrayConcat(arrayMap(q -> 'quantile', p.quantile_values), ['', ''])",
        "arrayConcat(arrayMap(q -> toString(q), p.quantile_values.quantile), ['', ''])",
    ),
    f"arrayMap(x -> if(stale, {STALE}, x), arrayConcat(p.quantile_values.value, [toFloat64(p.count), p.sum]))",
    "emptyArrayFloat64() AS bounds",
)

_SAMPLES = """
SELECT tenant, fp, fromUnixTimestamp64Milli(time_ms, 'UTC') AS time, value
FROM points_in ARRAY JOIN fps AS fp, values AS value
WHERE NOT delta AND known
"""

# All series of a point are known together, so one look-up per point tells whether they have to be looked at.
_NEW_POINTS = """
SELECT tenant, received, service, type, unit, shape, redactions, time_ms, label_names, label_values, metrics,
    extra_names, extra_values, ids, fps, values
FROM points_in WHERE NOT delta AND NOT known
"""

_SERIES_COLUMNS = """
    tenant, received, service, metric, id, fp,
    if(extra_value = '', names, arrayPushBack(names, extra_name)) AS label_names,
    if(extra_value = '', texts, arrayPushBack(texts, extra_value)) AS label_values,
    type, unit, time_ms AS first_ms, time_ms AS last_ms, redactions
"""
_RENAMED = "* EXCEPT (label_names, label_values, values), label_names AS names, label_values AS texts"


def _spread(points: str) -> str:
    """Return the select of each series of each point, with the point's sample of it."""
    return f"""
SELECT {_SERIES_COLUMNS}, [time_ms] AS times_ms, [value] AS values
FROM (SELECT {_RENAMED}, values AS point_values FROM {points})
ARRAY JOIN metrics AS metric, extra_names AS extra_name, extra_values AS extra_value, ids AS id, fps AS fp,
    point_values AS value
"""


# A point is known once all of its series are, as they were sent: from its second time on.
_KNOWN_POINTS = f"""
SELECT any(shape) AS key FROM new_points_in ARRAY JOIN ids AS id
GROUP BY tenant, shape HAVING min({known_key("id", "time_ms")} IN known_series)
"""

# An exemplar belongs to the first bucket that holds its value; the buckets are the first series of a histogram's point.
_EXEMPLARS = f"""
WITH arrayJoin(exemplars) AS e, if(empty(bounds), 1, arrayCount(b -> b < value, bounds) + 1) AS place
SELECT tenant, ids[place] AS id, fps[place] AS fp, {exemplar_columns("e")}
FROM points_in WHERE notEmpty(exemplars)
"""

_METADATA = """
SELECT DISTINCT tenant, family AS metric, type, unit, help,
    fromUnixTimestamp64Milli(toUnixTimestamp64Milli(received), 'UTC') AS updated
FROM metrics_in WHERE cityHash64(toString(tenant), family, toString(type), toString(unit), help) NOT IN known_metadata
"""
_KNOWN = "SELECT cityHash64(toString(tenant), metric, toString(type), toString(unit), help) AS key FROM metadata"

# `target_info` carries what else a resource says; job and instance tell which series it speaks of.
_TARGETS = f"""
WITH arrayJoin(resources) AS r, {_identity("r")},
    ['service.name', 'service.namespace', 'service.instance.id'] AS identity,
    r.attributes AS attributes,
    arrayConcat(['job', 'instance'], arrayMap(k -> {metric_names.label("k")},
        arrayFilter(k -> NOT has(identity, k), attributes.key))) AS names,
    arrayConcat([job, instance], arrayMap(v -> {text("v", 1)},
        arrayFilter((v, k) -> NOT has(identity, k), attributes.value, attributes.key))) AS texts,
    arrayFilter((n, v, i) -> v != '' AND i = indexOf(names, n), names, texts, arrayEnumerate(names)) AS label_names,
    arrayFilter((v, n, i) -> v != '' AND i = indexOf(names, n), texts, names, arrayEnumerate(names)) AS label_values,
    {label_hash("label_names", "label_values")} + {pair_hash("__name__", "'target_info'")} AS id
SELECT tenant, fromUnixTimestamp64Nano(toInt64(received_ns), 'UTC') AS received, service_name AS service,
    'target_info' AS metric, id, {fingerprint("metric", "id")} AS fp, label_names, label_values,
    'info' AS type, '' AS unit, newest AS first_ms, newest AS last_ms, [newest] AS times_ms, [1.] AS values
FROM (
    SELECT tenant, received_ns, resource_metrics.resource AS resources, greatest(
        arrayMax(arrayFlatten(resource_metrics.scope_metrics.metrics.sum.data_points.time_unix_nano)),
        arrayMax(arrayFlatten(resource_metrics.scope_metrics.metrics.gauge.data_points.time_unix_nano)),
        arrayMax(arrayFlatten(resource_metrics.scope_metrics.metrics.histogram.data_points.time_unix_nano)))
            AS newest_ns,
        toInt64(intDiv(if(newest_ns > 0, newest_ns, received_ns), 1000000)) AS newest
    FROM wire_metrics
)
WHERE length(label_names) > toUInt8(job != '') + toUInt8(instance != '') AND (job != '' OR instance != '')
"""

_POINTS_OF_METRIC = "sum(length(numbers) + length(histograms) + length(exponentials) + length(summaries))"


def metrics_pipeline(policy: Policy) -> Pipeline:
    """Return the steps from ``wire_metrics`` to ``series_in`` and the tables of metrics."""
    merged = is_merged(policy)
    metrics = Pipeline(
        passages=(_METRICS_IN, _POINTS_IN, _NEW_POINTS_IN),
        views=(
            View("metrics_unpack", "metrics_in", plain_elements(_METRICS)),
            View("metrics_numbers", "points_in", plain_elements(_NUMBERS.replace("{merged}", merged), "m")),
            View("metrics_histograms", "points_in", plain_elements(_HISTOGRAMS.replace("{merged}", merged), "m")),
            View("metrics_summaries", "points_in", plain_elements(_SUMMARIES.replace("{merged}", merged), "m")),
            View("metrics_targets", "series_in", plain_elements(_TARGETS)),
            View("points_samples", "samples", _SAMPLES),
            View("points_new", "new_points_in", _NEW_POINTS),
            View("points_series", "series_in", _spread("new_points_in")),
            View("points_known", "known_points", _KNOWN_POINTS),
            View("points_deltas", "deltas_in", _spread("(SELECT * FROM points_in WHERE delta)")),
            View("points_exemplars", "exemplars", fated(_EXEMPLARS, EXEMPLAR_NAMES)),
            View("metadata_store", "metadata", _METADATA),
            View("metadata_known", "known_metadata", _KNOWN),
            ingested("metrics", "metrics_in", _POINTS_OF_METRIC),
        ),
        recalls=(
            Recall("known_points", "key UInt64", "Set SETTINGS persistent = 0", ""),
            Recall("known_metadata", "key UInt64", "Set SETTINGS persistent = 0", _KNOWN),
        ),
    )
    return metrics + DELTAS + EXPONENTIALS
