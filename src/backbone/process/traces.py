"""Spans: from the wire to the tables ``spans``, ``operations`` (RED) and ``edges``."""

from __future__ import annotations

from backbone.process.values import ATTRIBUTES, attribute_map, kinds, sized, string_of
from backbone.process.view import Passage, Pipeline, View

SPAN_COLUMNS = f"""
    tenant LowCardinality(String),
    received DateTime64(9, 'UTC'),
    service LowCardinality(String),
    name LowCardinality(String),
    time DateTime64(9, 'UTC'),
    duration_ns UInt64,
    trace_id FixedString(16),
    span_id FixedString(8),
    parent_span_id FixedString(8),
    trace_state String,
    flags UInt32,
    kind Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5),
    status Enum8('unset' = 0, 'ok' = 1, 'error' = 2),
    status_message String,
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
    scope_schema_url LowCardinality(String),
    events Nested (
        time DateTime64(9, 'UTC'), name LowCardinality(String), attributes {ATTRIBUTES},
        attribute_kinds String, dropped_attributes UInt32),
    dropped_events UInt32,
    links Nested (
        trace_id FixedString(16), span_id FixedString(8), trace_state String, attributes {ATTRIBUTES},
        attribute_kinds String, dropped_attributes UInt32, flags UInt32),
    dropped_links UInt32
"""

_UNPACK = f"""
WITH arrayJoin(resource_spans) AS r, arrayJoin(r.scope_spans) AS ss, arrayJoin(ss.spans) AS s
SELECT
    tenant,
    fromUnixTimestamp64Nano(toInt64(received_ns), 'UTC') AS received,
    {string_of("r.resource.attributes", "service.name")} AS service,
    s.name AS name,
    fromUnixTimestamp64Nano(toInt64(s.start_time_unix_nano), 'UTC') AS time,
    greatest(s.end_time_unix_nano, s.start_time_unix_nano) - s.start_time_unix_nano AS duration_ns,
    {sized("s.trace_id", 16, "span.trace_id")} AS trace_id,
    {sized("s.span_id", 8, "span.span_id")} AS span_id,
    {sized("s.parent_span_id", 8, "span.parent_span_id", optional=True)} AS parent_span_id,
    s.trace_state AS trace_state,
    s.flags AS flags,
    if(s.kind BETWEEN 0 AND 5, s.kind, 0) AS kind,
    if(s.status.code BETWEEN 0 AND 2, s.status.code, 0) AS status,
    s.status.message AS status_message,
    {attribute_map("s.attributes", 1)} AS attributes,
    {kinds("s.attributes")} AS attribute_kinds,
    s.dropped_attributes_count AS dropped_attributes,
    {attribute_map("r.resource.attributes", 1)} AS resource,
    {kinds("r.resource.attributes")} AS resource_kinds,
    r.resource.dropped_attributes_count AS resource_dropped_attributes,
    r.schema_url AS resource_schema_url,
    ss.scope.name AS scope,
    ss.scope.version AS scope_version,
    {attribute_map("ss.scope.attributes", 2)} AS scope_attributes,
    {kinds("ss.scope.attributes")} AS scope_kinds,
    ss.scope.dropped_attributes_count AS scope_dropped_attributes,
    ss.schema_url AS scope_schema_url,
    arrayMap(t -> fromUnixTimestamp64Nano(toInt64(t), 'UTC'), s.events.time_unix_nano) AS `events.time`,
    s.events.name AS `events.name`,
    arrayMap(e -> {attribute_map("e", 2)}, s.events.attributes) AS `events.attributes`,
    arrayMap(e -> {kinds("e")}, s.events.attributes) AS `events.attribute_kinds`,
    s.events.dropped_attributes_count AS `events.dropped_attributes`,
    s.dropped_events_count AS dropped_events,
    arrayMap(i -> {sized("i", 16, "link.trace_id")}, s.links.trace_id) AS `links.trace_id`,
    arrayMap(i -> {sized("i", 8, "link.span_id")}, s.links.span_id) AS `links.span_id`,
    s.links.trace_state AS `links.trace_state`,
    arrayMap(l -> {attribute_map("l", 2)}, s.links.attributes) AS `links.attributes`,
    arrayMap(l -> {kinds("l")}, s.links.attributes) AS `links.attribute_kinds`,
    s.links.dropped_attributes_count AS `links.dropped_attributes`,
    s.links.flags AS `links.flags`,
    s.dropped_links_count AS dropped_links
FROM wire_traces
"""

# Buckets are those of an OpenTelemetry exponential histogram of scale 3: bucket i holds durations in ns over
# 2^(i/8) up to 2^((i+1)/8), so a quantile read from them is within 4.5 % of the true one.
_OPERATIONS = """
SELECT tenant, toStartOfMinute(time) AS minute, service, name, kind, status,
    toInt16(ceil(log2(greatest(duration_ns, 1)) * 8) - 1) AS bucket,
    count() AS spans, sum(duration_ns) AS total_ns
FROM spans_in GROUP BY tenant, minute, service, name, kind, status, bucket
"""

_INGESTED = """
SELECT tenant, received, 'traces' AS signal, service, '' AS refused, count() AS items
FROM spans_in GROUP BY tenant, received, service
"""


def traces_pipeline() -> Pipeline:
    """Return the steps from ``wire_traces`` to the tables of spans."""
    return Pipeline(
        passages=(Passage("spans_in", SPAN_COLUMNS),),
        views=(
            View("spans_unpack", "spans_in", _UNPACK),
            View("spans_store", "spans", "SELECT * FROM spans_in"),
            View("spans_operations", "operations", _OPERATIONS),
            View("spans_ingested", "ingested", _INGESTED),
        ),
    )
