"""Log records: from the wire to the table ``logs``."""

from __future__ import annotations

from backbone.process.findings import findings
from backbone.process.ingested import ingested
from backbone.process.policy import Policy
from backbone.process.sample.logs import logs_storing
from backbone.process.step import GOVERNED, govern, names_of
from backbone.process.unpack import SAID_COLUMNS, unpack
from backbone.process.values import attribute_map, kinds, sized, text, timestamp
from backbone.process.view import Passage, Pipeline, View

LOG_COLUMNS = f"""
    tenant LowCardinality(String),
    received DateTime64(9, 'UTC'),
    service LowCardinality(String),
    time DateTime64(9, 'UTC'),
    observed DateTime64(9, 'UTC'),
    severity UInt8,
    severity_text LowCardinality(String),
    body String,
    body_kind LowCardinality(String),
    event_name LowCardinality(String),
    trace_id FixedString(16),
    span_id FixedString(8),
    flags UInt32,
    {SAID_COLUMNS}
"""

# A record without a time of its own happened when it was observed, or at the latest when it came in.
_RECORD = f"""
    {timestamp("i.observed_time_unix_nano", "log_record.observed_time_unix_nano")} AS observed,
    multiIf(i.time_unix_nano > 0, {timestamp("i.time_unix_nano", "log_record.time_unix_nano")},
        i.observed_time_unix_nano > 0, observed, received) AS time,
    toUInt8(if(bitAnd(i.severity_number >= 0, i.severity_number <= 24), i.severity_number, 0)) AS severity,
    i.severity_text AS severity_text,
    {text("i.body", 0)} AS body,
    toString(i.body.value) AS body_kind,
    i.event_name AS event_name,
    {sized("i.trace_id", 16, "log_record.trace_id", optional=True)} AS trace_id,
    {sized("i.span_id", 8, "log_record.span_id", optional=True)} AS span_id,
    i.flags AS flags,
    {attribute_map("i.attributes", 1)} AS attributes,
    {kinds("i.attributes")} AS attribute_kinds,
    i.dropped_attributes_count AS dropped_attributes"""
LOG_ROWS = f"{LOG_COLUMNS}, {GOVERNED}"
_EXAMPLE = "if(trace_id = toFixedString('', 16), '', lower(hex(trace_id)))"


def unpack_logs(policy: Policy, wire: str = "wire_logs") -> str:
    """Return the select of log records from a table of requests, with what the policy does with their resources."""
    return unpack(wire, "resource_logs", "scope_logs", "log_records", _RECORD, policy.logs)


def logs_pipeline(kept_seconds: int, policy: Policy) -> Pipeline:
    """Return the steps from ``wire_logs`` to the table of log records."""
    unpacked = unpack_logs(policy)
    evidence = policy.evidence.get("logs", _EXAMPLE)
    counted = (
        findings("logs", "logs_in", "tagging", "breaches", policy.breaches, evidence),
        findings("logs", "logs_in", "redact", "redactions", policy.redaction.names, _EXAMPLE),
    )
    unpacking = Pipeline(
        passages=(Passage("logs_in", LOG_ROWS),),
        views=(
            View("logs_unpack", "logs_in", govern(unpacked, names_of(LOG_ROWS), policy.logs)),
            ingested("logs", "logs_in", refused="refused", kept_seconds=kept_seconds),
            *filter(None, counted),
        ),
    )
    return unpacking + logs_storing(policy.sampling, LOG_COLUMNS)
