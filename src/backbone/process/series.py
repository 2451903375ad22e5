"""
Series, the one model of all metrics: a metric's name, its labels, and samples under a fingerprint.

Doors for metrics write rows of `SERIES` into ``series_in``: one per series and request, with its samples as arrays. The
views here carry them on. A series' labels are written when it is new or a new day of its samples begins; the keys of
those already written stand in the table ``known_series`` in memory.
"""

from __future__ import annotations

from backbone.process.view import Passage, Pipeline, Recall, View

SERIES_IN = Passage(
    "series_in",
    """
    tenant LowCardinality(String),
    received DateTime64(9, 'UTC'),
    service LowCardinality(String),
    metric String,
    id UInt64,
    fp UInt64,
    label_names Array(LowCardinality(String)),
    label_values Array(String),
    type Enum8('unknown' = 0, 'counter' = 1, 'gauge' = 2, 'histogram' = 3, 'gaugehistogram' = 4, 'summary' = 5,
        'info' = 6, 'stateset' = 7),
    unit LowCardinality(String),
    first_ms Int64,
    last_ms Int64,
    times_ms Array(Int64),
    values Array(Float64)
""",
)


def label_hash(names: str, values: str) -> str:
    """
    Return the hash of a set of labels: a sum over its pairs, so their order does not matter and sets can be added up.

    A label without a value is no label, as in Prometheus.
    """
    return f"arraySum(arrayMap((n, v) -> if(v = '', 0, cityHash64(toString(n), v)), {names}, {values}))"


def pair_hash(name: str, value: str) -> str:
    """Return what the one label adds to a `label_hash`; the metric's name is the label ``__name__``."""
    return f"cityHash64('{name}', {value})"


def fingerprint(metric: str, identity: str) -> str:
    """Return the 64 bits under which samples lie: 16 of the metric's name, so its series are neighbours."""
    return (
        f"bitOr(bitShiftLeft(bitAnd(cityHash64({metric}), 0xFFFF), 48), bitAnd({identity}, toUInt64(0xFFFFFFFFFFFF)))"
    )


_KNOWN_KEY = "bitXor(id, cityHash64(toString(tenant), toDate({last})))"

# A label set is checked when it is new, which is rare, not with each of its samples.
_SERIES = f"""
WITH fromUnixTimestamp64Milli(last_ms, 'UTC') AS last,
    arrayFilter((n, v) -> n != '__name__' AND v != '', label_names, label_values) AS names
SELECT tenant, metric, fp, id,
    mapFromArrays(names, arrayFilter((v, n) -> n != '__name__' AND v != '', label_values, label_names)) AS labels,
    type, unit, fromUnixTimestamp64Milli(first_ms, 'UTC') AS first_seen, last AS last_seen
FROM series_in
WHERE {_KNOWN_KEY.format(last="last")} NOT IN known_series
    AND (last_ms > 0 OR notEmpty(times_ms) OR type = 'histogram')
    AND throwIf(metric = '', 'series without a metric name') = 0
    AND throwIf(NOT isValidUTF8(metric), 'metric name that is not UTF-8') = 0
    AND throwIf(arrayUniq(names) != length(names) OR countEqual(label_names, '__name__') > 1,
        'series with a label given twice') = 0
    AND throwIf(arrayExists(n -> n = '', names), 'label without a name') = 0
    AND throwIf(arrayExists(n -> NOT isValidUTF8(n), names), 'label name that is not UTF-8') = 0
    AND throwIf(arrayExists(v -> NOT isValidUTF8(v), label_values), 'label value that is not UTF-8') = 0
"""

_SAMPLES = """
SELECT tenant, fp, fromUnixTimestamp64Milli(time_ms, 'UTC') AS time, value
FROM series_in ARRAY JOIN times_ms AS time_ms, values AS value
"""

_KNOWN = f"SELECT {_KNOWN_KEY.format(last='last_seen')} AS key FROM series"


def series_pipeline() -> Pipeline:
    """Return the steps from ``series_in`` to the tables of series and samples."""
    return Pipeline(
        passages=(SERIES_IN,),
        views=(
            View("series_store", "series", _SERIES),
            View("series_known", "known_series", _KNOWN),
            View("samples_store", "samples", _SAMPLES),
        ),
        recalls=(
            Recall(
                "known_series",
                "key UInt64",
                "Set SETTINGS persistent = 0",
                f"{_KNOWN} WHERE last_seen > now() - INTERVAL 2 DAY",
            ),
        ),
    )
