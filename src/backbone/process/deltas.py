"""
Points with delta temporality: each is added to the last total of its series, so that what is stored is cumulative.

The totals stand in ``totals`` and, for looking them up, in ``last_totals`` in memory. A delta that is not newer than
the last one of its series was sent twice or came out of order; adding it would count it twice, so it is left out and
counted as ``late_delta``.
"""

from __future__ import annotations

from backbone.process.points import LABELS, ORIGIN
from backbone.process.series import SERIES_IN
from backbone.process.view import Passage, Pipeline, Recall, View

_SERIES_COLUMNS = "tenant, received, service, metric, id, fp, label_names, label_values, type, unit, redactions"
_TOTAL_KEY = "bitXor(fp, cityHash64(toString(tenant)))"

_ACCUMULATE = f"""
WITH joinGet('last_totals', 'time', {_TOTAL_KEY}) AS last, joinGet('last_totals', 'total', {_TOTAL_KEY}) AS total,
    arraySort(p -> p.1, arrayFilter(p -> p.1 > toUnixTimestamp64Milli(last), points)) AS fresh
SELECT {_SERIES_COLUMNS}, arrayMin(fresh.1) AS first_ms, arrayMax(fresh.1) AS last_ms, fresh.1 AS times_ms,
    arrayMap(v -> v + total, arrayCumSum(fresh.2)) AS values, length(points) - length(fresh) AS late
FROM (
    SELECT tenant, fp, id, max(d.received) AS received, any(d.service) AS service, any(d.metric) AS metric,
        any(d.label_names) AS label_names, any(d.label_values) AS label_values,
        any(d.type) AS type, any(d.unit) AS unit, groupBitOr(d.redactions) AS redactions,
        groupArray((times_ms[1], values[1])) AS points
    FROM deltas_in AS d GROUP BY tenant, fp, id
)
"""

_SERIES = f"SELECT {_SERIES_COLUMNS}, first_ms, last_ms, times_ms, values FROM accumulated_in WHERE notEmpty(times_ms)"

_TOTALS = """
SELECT tenant, fp, fromUnixTimestamp64Milli(last_ms, 'UTC') AS time, values[-1] AS total
FROM accumulated_in WHERE notEmpty(times_ms)
"""

_LATE = """
SELECT tenant, received, 'metrics' AS signal, service, 'late_delta' AS refused, sum(late) AS items
FROM accumulated_in WHERE late > 0 GROUP BY tenant, received, service
"""

_LAST = f"SELECT {_TOTAL_KEY} AS key, time, total FROM totals"

# A crash may leave a total without its sample, or the other way round. What holds is the last sample, so that a delta
# that is sent again is added once; where a total has no sample of its time, it is looked for among all of its series.
_CONFIRMED = "SELECT tenant, fp, time FROM samples WHERE (tenant, fp, time) IN (SELECT tenant, fp, time FROM totals)"
_REFILL = f"""
SELECT {_TOTAL_KEY} AS key, time, value AS total FROM samples
WHERE (tenant, fp, time) IN (SELECT tenant, fp, time FROM totals)
    OR (tenant, fp) IN (SELECT tenant, fp FROM totals WHERE (tenant, fp, time) NOT IN ({_CONFIRMED}))
ORDER BY time
"""

DELTAS = Pipeline(
    passages=(
        SERIES_IN.renamed("deltas_in"),
        Passage(
            "accumulated_in",
            f"{ORIGIN}, metric String, id UInt64, fp UInt64, {LABELS}, type LowCardinality(String), "
            "unit LowCardinality(String), first_ms Int64, last_ms Int64, times_ms Array(Int64), values Array(Float64), "
            "redactions UInt64, late UInt64",
        ),
    ),
    views=(
        View("deltas_accumulate", "accumulated_in", _ACCUMULATE),
        View("deltas_series", "series_in", _SERIES),
        View("deltas_totals", "totals", _TOTALS),
        View("deltas_late", "ingested", _LATE),
        View("totals_last", "last_totals", _LAST),
    ),
    recalls=(
        Recall(
            "last_totals",
            "key UInt64, time DateTime64(3, 'UTC'), total Float64",
            "Join(ANY, LEFT, key) SETTINGS join_any_take_last_row = 1, persistent = 0",
            _REFILL,
        ),
    ),
)
