"""Spans: from the wire to the tables ``spans``, ``operations`` (RED) and ``edges``."""

from __future__ import annotations

from backbone.process.findings import findings
from backbone.process.ingested import ingested
from backbone.process.policy import Policy
from backbone.process.sample.spans import spans_storing
from backbone.process.step import GOVERNED, KEPT, govern, names_of
from backbone.process.unpack import SAID_COLUMNS, unpack
from backbone.process.values import ATTRIBUTES, attribute_map, kinds, sized, timestamp
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
    {SAID_COLUMNS},
    events Nested (
        time DateTime64(9, 'UTC'), name LowCardinality(String), attributes {ATTRIBUTES},
        attribute_kinds String, dropped_attributes UInt32),
    dropped_events UInt32,
    links Nested (
        trace_id FixedString(16), span_id FixedString(8), trace_state String, attributes {ATTRIBUTES},
        attribute_kinds String, dropped_attributes UInt32, flags UInt32),
    dropped_links UInt32
"""

_SPAN = f"""
    i.name AS name,
    {timestamp("i.start_time_unix_nano", "span.start_time_unix_nano")} AS time,
    greatest(i.end_time_unix_nano, i.start_time_unix_nano) - i.start_time_unix_nano AS duration_ns,
    {sized("i.trace_id", 16, "span.trace_id")} AS trace_id,
    {sized("i.span_id", 8, "span.span_id")} AS span_id,
    {sized("i.parent_span_id", 8, "span.parent_span_id", optional=True)} AS parent_span_id,
    i.trace_state AS trace_state,
    i.flags AS flags,
    if(bitAnd(i.kind >= 0, i.kind <= 5), i.kind, 0) AS kind,
    if(bitAnd(i.status.code >= 0, i.status.code <= 2), i.status.code, 0) AS status,
    i.status.message AS status_message,
    {attribute_map("i.attributes", 1)} AS attributes,
    {kinds("i.attributes")} AS attribute_kinds,
    i.dropped_attributes_count AS dropped_attributes,
    arrayMap(t -> {timestamp("t", "event.time_unix_nano")}, i.events.time_unix_nano) AS `events.time`,
    i.events.name AS `events.name`,
    arrayMap(e -> {attribute_map("e", 2)}, i.events.attributes) AS `events.attributes`,
    arrayMap(e -> {kinds("e")}, i.events.attributes) AS `events.attribute_kinds`,
    i.events.dropped_attributes_count AS `events.dropped_attributes`,
    i.dropped_events_count AS dropped_events,
    arrayMap(x -> {sized("x", 16, "link.trace_id")}, i.links.trace_id) AS `links.trace_id`,
    arrayMap(x -> {sized("x", 8, "link.span_id")}, i.links.span_id) AS `links.span_id`,
    i.links.trace_state AS `links.trace_state`,
    arrayMap(l -> {attribute_map("l", 2)}, i.links.attributes) AS `links.attributes`,
    arrayMap(l -> {kinds("l")}, i.links.attributes) AS `links.attribute_kinds`,
    i.links.dropped_attributes_count AS `links.dropped_attributes`,
    i.links.flags AS `links.flags`,
    i.dropped_links_count AS dropped_links"""
SPAN_ROWS = f"{SPAN_COLUMNS}, {GOVERNED}"
_EXAMPLE = "lower(hex(trace_id))"

# Buckets are those of an OpenTelemetry exponential histogram of scale 3: bucket i holds durations in ns over
# 2^(i/8) up to 2^((i+1)/8), so a quantile read from them is within 4.5 % of the true one.
_OPERATIONS = f"""
SELECT tenant, toStartOfMinute(time) AS minute, service, name, kind, status,
    toInt16(ceil(log2(greatest(duration_ns, 1)) * 8) - 1) AS bucket,
    count() AS spans, sum(duration_ns) AS total_ns
FROM spans_in WHERE {KEPT} GROUP BY tenant, minute, service, name, kind, status, bucket
"""


def unpack_spans(policy: Policy, wire: str = "wire_traces") -> str:
    """Return the select of spans from a table of requests, with what the policy does with their resources."""
    return unpack(wire, "resource_spans", "scope_spans", "spans", _SPAN, policy.spans)


def traces_pipeline(kept_seconds: int, policy: Policy) -> Pipeline:
    """Return the steps from ``wire_traces`` to the tables of spans."""
    unpacked = unpack_spans(policy)
    evidence = policy.evidence.get("traces", _EXAMPLE)
    counted = (
        findings("traces", "spans_in", "tagging", "breaches", policy.breaches, evidence),
        findings("traces", "spans_in", "redact", "redactions", policy.redaction.names, _EXAMPLE),
    )
    return Pipeline(
        passages=(Passage("spans_in", SPAN_ROWS),),
        views=(
            View("spans_unpack", "spans_in", govern(unpacked, names_of(SPAN_ROWS), policy.spans)),
            *spans_storing(policy.sampling),
            View("spans_operations", "operations", _OPERATIONS),
            ingested("traces", "spans_in", refused="refused", kept_seconds=kept_seconds),
            *filter(None, counted),
        ),
    )
