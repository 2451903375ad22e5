"""Spans: from the wire to the tables ``spans``, ``operations`` (RED) and ``edges``."""

from __future__ import annotations

from backbone.process.findings import findings
from backbone.process.ingested import ingested
from backbone.process.policy import Policy
from backbone.process.sample.spans import spans_storing
from backbone.process.step import GOVERNED, KEPT, names_of
from backbone.process.unpack import judging, unpack
from backbone.process.view import Pipeline, View
from backbone.store.wire.columns import SPAN_COLUMNS

SPAN_ROWS = f"{SPAN_COLUMNS}, {GOVERNED}"
_EXAMPLE = "lower(hex(trace_id))"

# Buckets are those of an OpenTelemetry exponential histogram of scale 3: bucket i holds durations in ns over
# 2^(i/8) up to 2^((i+1)/8), so a quantile read from them is within 4.5 % of the true one.
_OPERATIONS = f"""
SELECT tenant, minute, service, name, kind, status, length(buckets) AS spans, total_ns,
    (arraySort(arrayDistinct(buckets)) AS there, arrayMap(b -> countEqual(buckets, b), there)) AS durations
FROM (
    SELECT tenant, toStartOfMinute(time) AS minute, service, name, kind, status, sum(duration_ns) AS total_ns,
        groupArray(toInt16(ceil(log2(greatest(duration_ns, 1)) * 8) - 1)) AS buckets
    FROM spans_in WHERE {KEPT} GROUP BY tenant, minute, service, name, kind, status
)
"""


def unpack_spans(policy: Policy, wire: str = "wire_traces") -> str:
    """Return the select of spans as they came, with what the policy does with their resources."""
    return unpack(wire, names_of(SPAN_COLUMNS), policy.spans)


def traces_pipeline(kept_seconds: int, policy: Policy) -> Pipeline:
    """Return the steps from ``wire_traces`` to the tables of spans."""
    evidence = policy.evidence.get("traces", _EXAMPLE)
    counted = (
        findings("traces", "spans_in", "tagging", "breaches", policy.breaches, evidence),
        findings("traces", "spans_in", "redact", "redactions", policy.redaction.names, _EXAMPLE),
    )
    storing = (
        *spans_storing(policy.sampling),
        View("spans_operations", "operations", _OPERATIONS),
        ingested("traces", "spans_in", refused="refused", kept_seconds=kept_seconds),
        *filter(None, counted),
    )
    return judging("spans", SPAN_ROWS, unpack_spans(policy), policy.spans) + Pipeline((), storing)
