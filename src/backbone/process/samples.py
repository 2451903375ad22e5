"""Samples of series that the receiver knows: from columns to the table, and what the receiver is to know."""

from __future__ import annotations

from backbone.process.admission import REASONS
from backbone.process.literals import literals
from backbone.process.series import ADDED_UP, FIRST_FINGERPRINT, STORED, UNCHANGED
from backbone.process.view import Pipeline, Recall, View

_REASONS = f"arrayResize({literals(REASONS)}, {FIRST_FINGERPRINT - 1}, '')"
_RECEIVED = "fromUnixTimestamp64Nano(toInt64(received_ns), 'UTC')"

TIMES = "reinterpret(times, 'Array(Int64)')"
"""The times of ``wire_samples``, in ms."""

_SAMPLES = f"""
SELECT tenant, fp, fromUnixTimestamp64Milli(at, 'UTC') AS time, value
FROM wire_samples
ARRAY JOIN reinterpret(fps, 'Array(UInt64)') AS fp, {TIMES} AS at, reinterpret(values, 'Array(Float64)') AS value
"""

_INGESTED = f"""
SELECT tenant, received, 'metrics' AS signal, '' AS service, reason AS refused, count AS items
FROM (
    SELECT tenant, {_RECEIVED} AS received, arrayConcat([''], {_REASONS}) AS reasons,
        arrayConcat([toUInt64(intDiv(length(fps), 8))], arrayResize(left_out, {FIRST_FINGERPRINT - 1})) AS counts
    FROM wire_samples
)
ARRAY JOIN reasons AS reason, counts AS count WHERE count > 0
"""

_LEFT_OUT = f"""
SELECT tenant, toStartOfMinute({_RECEIVED}) AS minute, 'metrics' AS signal, '' AS service, 'limits' AS policy,
    reason AS rule, 'left out' AS outcome, sum(count) AS items, '' AS example
FROM wire_samples ARRAY JOIN {_REASONS} AS reason, arrayResize(left_out, {FIRST_FINGERPRINT - 1}) AS count
WHERE count > 0 GROUP BY tenant, minute, reason
"""

_DAY = "toInt32(toDate(fromUnixTimestamp64Milli(last_ms, 'UTC'))) AS day"
_KNOWN = f"SELECT received, key, fp, {_DAY} FROM judged_in WHERE known AND key != 0"
# Those that were added up are not to be known; the receiver counts them.
_NEW = f"""
SELECT received, key,
    multiIf({UNCHANGED}, fp, collapsed, {ADDED_UP}, toUInt64(indexOf({_REASONS}, toString(verdict)))) AS fp, {_DAY}
FROM governed_in WHERE key != 0 AND ({UNCHANGED} OR NOT {STORED} OR collapsed)
"""


def samples_pipeline() -> Pipeline:
    """Return the steps from ``wire_samples`` to the table of samples."""
    return Pipeline(
        passages=(),
        views=(
            View("known_samples_store", "samples", _SAMPLES),
            View("known_samples_ingested", "ingested", _INGESTED),
            View("known_samples_left_out", "findings", _LEFT_OUT),
            View("resolved_known", "resolved", _KNOWN),
            View("resolved_new", "resolved", _NEW),
        ),
        recalls=(
            Recall(
                "resolved",
                "received DateTime64(9, 'UTC'), key UInt64, fp UInt64, day Int32",
                # Read as soon as an insert is over; the newest are enough.
                "Memory SETTINGS min_rows_to_keep = 100000, max_rows_to_keep = 1000000",
                "",
            ),
        ),
    )
