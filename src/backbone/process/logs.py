"""Log records: from the wire to the table ``logs``."""

from __future__ import annotations

from backbone.process.values import ATTRIBUTES, attribute_map, kinds, sized, string_of, text
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
    attributes {ATTRIBUTES},
    attribute_kinds LowCardinality(String),
    dropped_attributes UInt32,
    resource {ATTRIBUTES},
    resource_kinds LowCardinality(String),
    resource_dropped_attributes UInt32,
    resource_schema_url LowCardinality(String),
    scope LowCardinality(String),
    scope_version LowCardinality(String),
    scope_attributes {ATTRIBUTES},
    scope_kinds LowCardinality(String),
    scope_dropped_attributes UInt32,
    scope_schema_url LowCardinality(String)
"""

# A record without a time of its own happened when it was observed, or at the latest when it came in.
_UNPACK = f"""
WITH arrayJoin(resource_logs) AS r, arrayJoin(r.scope_logs) AS sl, arrayJoin(sl.log_records) AS l
SELECT
    tenant,
    fromUnixTimestamp64Nano(toInt64(received_ns), 'UTC') AS received,
    {string_of("r.resource.attributes", "service.name")} AS service,
    fromUnixTimestamp64Nano(toInt64(multiIf(l.time_unix_nano > 0, l.time_unix_nano,
        l.observed_time_unix_nano > 0, l.observed_time_unix_nano, received_ns)), 'UTC') AS time,
    fromUnixTimestamp64Nano(toInt64(l.observed_time_unix_nano), 'UTC') AS observed,
    toUInt8(if(l.severity_number BETWEEN 0 AND 24, l.severity_number, 0)) AS severity,
    l.severity_text AS severity_text,
    {text("l.body", 0)} AS body,
    toString(l.body.value) AS body_kind,
    l.event_name AS event_name,
    {sized("l.trace_id", 16, "log_record.trace_id", optional=True)} AS trace_id,
    {sized("l.span_id", 8, "log_record.span_id", optional=True)} AS span_id,
    l.flags AS flags,
    {attribute_map("l.attributes", 1)} AS attributes,
    {kinds("l.attributes")} AS attribute_kinds,
    l.dropped_attributes_count AS dropped_attributes,
    {attribute_map("r.resource.attributes", 1)} AS resource,
    {kinds("r.resource.attributes")} AS resource_kinds,
    r.resource.dropped_attributes_count AS resource_dropped_attributes,
    r.schema_url AS resource_schema_url,
    sl.scope.name AS scope,
    sl.scope.version AS scope_version,
    {attribute_map("sl.scope.attributes", 2)} AS scope_attributes,
    {kinds("sl.scope.attributes")} AS scope_kinds,
    sl.scope.dropped_attributes_count AS scope_dropped_attributes,
    sl.schema_url AS scope_schema_url
FROM wire_logs
"""

_INGESTED = """
SELECT tenant, received, 'logs' AS signal, service, '' AS refused, count() AS items
FROM logs_in GROUP BY tenant, received, service
"""


def logs_pipeline() -> Pipeline:
    """Return the steps from ``wire_logs`` to the table of log records."""
    return Pipeline(
        passages=(Passage("logs_in", LOG_COLUMNS),),
        views=(
            View("logs_unpack", "logs_in", _UNPACK),
            View("logs_store", "logs", "SELECT * FROM logs_in"),
            View("logs_ingested", "ingested", _INGESTED),
        ),
    )
