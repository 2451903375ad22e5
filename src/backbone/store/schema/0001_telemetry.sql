-- What every door tells of itself, a row per request, service and outcome: rates, refusals, lag.
CREATE TABLE ingested (
    tenant LowCardinality(String),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    signal LowCardinality(String),
    service LowCardinality(String),
    refused LowCardinality(String),
    items UInt64
) ENGINE = MergeTree ORDER BY (tenant, signal, received) PARTITION BY toDate(received)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE spans (
    tenant LowCardinality(String),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    service LowCardinality(String),
    name LowCardinality(String),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    duration_ns UInt64 CODEC(T64, ZSTD),
    trace_id FixedString(16) CODEC(NONE),
    span_id FixedString(8) CODEC(NONE),
    parent_span_id FixedString(8) CODEC(ZSTD),
    trace_state String CODEC(ZSTD),
    flags UInt32 CODEC(ZSTD),
    kind Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5) CODEC(ZSTD),
    status Enum8('unset' = 0, 'ok' = 1, 'error' = 2) CODEC(ZSTD),
    status_message String CODEC(ZSTD),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD),
    attribute_kinds LowCardinality(String) CODEC(ZSTD),
    dropped_attributes UInt32 CODEC(ZSTD),
    resource Map(LowCardinality(String), String) CODEC(ZSTD),
    resource_kinds LowCardinality(String) CODEC(ZSTD),
    resource_dropped_attributes UInt32 CODEC(ZSTD),
    resource_schema_url LowCardinality(String) CODEC(ZSTD),
    scope LowCardinality(String) CODEC(ZSTD),
    scope_version LowCardinality(String) CODEC(ZSTD),
    scope_attributes Map(LowCardinality(String), String) CODEC(ZSTD),
    scope_kinds LowCardinality(String) CODEC(ZSTD),
    scope_dropped_attributes UInt32 CODEC(ZSTD),
    scope_schema_url LowCardinality(String) CODEC(ZSTD),
    events Nested (
        time DateTime64(9, 'UTC'), name LowCardinality(String), attributes Map(LowCardinality(String), String),
        attribute_kinds String, dropped_attributes UInt32) CODEC(ZSTD),
    dropped_events UInt32 CODEC(ZSTD),
    links Nested (
        trace_id FixedString(16), span_id FixedString(8), trace_state String,
        attributes Map(LowCardinality(String), String), attribute_kinds String,
        dropped_attributes UInt32, flags UInt32) CODEC(ZSTD),
    dropped_links UInt32 CODEC(ZSTD),
    INDEX by_trace trace_id TYPE bloom_filter(0.005) GRANULARITY 1,
    INDEX by_duration duration_ns TYPE minmax GRANULARITY 1,
    INDEX by_attribute_value mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree ORDER BY (tenant, service, name, time) PARTITION BY toDate(time)
SETTINGS min_bytes_for_wide_part = 268435456, merge_selector_base = 10, non_replicated_deduplication_window = 1000;

CREATE TABLE operations (
    tenant LowCardinality(String),
    minute DateTime('UTC') CODEC(DoubleDelta, ZSTD),
    service LowCardinality(String),
    name LowCardinality(String),
    kind Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5),
    status Enum8('unset' = 0, 'ok' = 1, 'error' = 2),
    bucket Int16,
    spans UInt64 CODEC(T64, ZSTD),
    total_ns UInt64 CODEC(T64, ZSTD)
) ENGINE = SummingMergeTree((spans, total_ns))
ORDER BY (tenant, service, name, kind, minute, status, bucket) PARTITION BY toDate(minute)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE logs (
    tenant LowCardinality(String),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    service LowCardinality(String),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    observed DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    severity UInt8 CODEC(ZSTD),
    severity_text LowCardinality(String) CODEC(ZSTD),
    body String CODEC(ZSTD),
    body_kind LowCardinality(String) CODEC(ZSTD),
    event_name LowCardinality(String) CODEC(ZSTD),
    trace_id FixedString(16) CODEC(ZSTD),
    span_id FixedString(8) CODEC(ZSTD),
    flags UInt32 CODEC(ZSTD),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD),
    attribute_kinds LowCardinality(String) CODEC(ZSTD),
    dropped_attributes UInt32 CODEC(ZSTD),
    resource Map(LowCardinality(String), String) CODEC(ZSTD),
    resource_kinds LowCardinality(String) CODEC(ZSTD),
    resource_dropped_attributes UInt32 CODEC(ZSTD),
    resource_schema_url LowCardinality(String) CODEC(ZSTD),
    scope LowCardinality(String) CODEC(ZSTD),
    scope_version LowCardinality(String) CODEC(ZSTD),
    scope_attributes Map(LowCardinality(String), String) CODEC(ZSTD),
    scope_kinds LowCardinality(String) CODEC(ZSTD),
    scope_dropped_attributes UInt32 CODEC(ZSTD),
    scope_schema_url LowCardinality(String) CODEC(ZSTD),
    INDEX by_word lower(body) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX by_trace trace_id TYPE bloom_filter(0.005) GRANULARITY 1,
    INDEX by_severity severity TYPE minmax GRANULARITY 1
) ENGINE = MergeTree ORDER BY (tenant, service, time) PARTITION BY toDate(time)
SETTINGS min_bytes_for_wide_part = 268435456, merge_selector_base = 10, non_replicated_deduplication_window = 1000;

-- A row per series and day it was seen: labels once, not per sample. `fp` is the series' fingerprint, by which samples
-- are kept; its upper 16 bits come from the metric's name, so that a metric's samples lie together.
CREATE TABLE series (
    tenant LowCardinality(String),
    metric LowCardinality(String),
    fp UInt64,
    id UInt64,
    labels Map(LowCardinality(String), String) CODEC(ZSTD),
    type SimpleAggregateFunction(max, Enum8('unknown' = 0, 'counter' = 1, 'gauge' = 2, 'histogram' = 3,
        'gaugehistogram' = 4, 'summary' = 5, 'info' = 6, 'stateset' = 7)) CODEC(ZSTD),
    unit SimpleAggregateFunction(max, String) CODEC(ZSTD),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(ZSTD),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD)
) ENGINE = AggregatingMergeTree ORDER BY (tenant, metric, fp, id)
SETTINGS allow_dimensions_outside_sorting_key = 1, non_replicated_deduplication_window = 1000;

CREATE TABLE samples (
    tenant LowCardinality(String),
    fp UInt64 CODEC(ZSTD),
    time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    value Float64 CODEC(Delta, ZSTD)
) ENGINE = ReplacingMergeTree ORDER BY (tenant, fp, time) PARTITION BY toDate(time)
SETTINGS min_bytes_for_wide_part = 67108864, merge_selector_base = 10, non_replicated_deduplication_window = 1000;

-- Native histograms; counts are absolute per bucket, spans as Prometheus has them (gap to the last span, length).
CREATE TABLE histograms (
    tenant LowCardinality(String),
    fp UInt64 CODEC(Delta, ZSTD),
    time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    start DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    count Float64 CODEC(Delta, ZSTD),
    sum Float64 CODEC(ZSTD),
    schema Int8 CODEC(ZSTD),
    zero_threshold Float64 CODEC(ZSTD),
    zero_count Float64 CODEC(ZSTD),
    positive_offsets Array(Int32) CODEC(ZSTD),
    positive_lengths Array(UInt32) CODEC(ZSTD),
    positive_counts Array(Float64) CODEC(ZSTD),
    negative_offsets Array(Int32) CODEC(ZSTD),
    negative_lengths Array(UInt32) CODEC(ZSTD),
    negative_counts Array(Float64) CODEC(ZSTD),
    custom_bounds Array(Float64) CODEC(ZSTD),
    reset Enum8('unknown' = 0, 'yes' = 1, 'no' = 2, 'gauge' = 3) CODEC(ZSTD),
    is_float Bool CODEC(ZSTD)
) ENGINE = ReplacingMergeTree ORDER BY (tenant, fp, time) PARTITION BY toDate(time)
SETTINGS min_bytes_for_wide_part = 67108864, merge_selector_base = 10, non_replicated_deduplication_window = 1000;

CREATE TABLE exemplars (
    tenant LowCardinality(String),
    fp UInt64 CODEC(Delta, ZSTD),
    time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    value Float64 CODEC(ZSTD),
    trace_id FixedString(16) CODEC(ZSTD),
    span_id FixedString(8) CODEC(ZSTD),
    labels Map(LowCardinality(String), String) CODEC(ZSTD),
    INDEX by_trace trace_id TYPE bloom_filter(0.005) GRANULARITY 1
) ENGINE = ReplacingMergeTree ORDER BY (tenant, fp, time, value) PARTITION BY toDate(time)
SETTINGS min_bytes_for_wide_part = 67108864, merge_selector_base = 10, non_replicated_deduplication_window = 1000;

CREATE TABLE metadata (
    tenant LowCardinality(String),
    metric String,
    type LowCardinality(String),
    unit LowCardinality(String),
    help String,
    updated DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree(updated) ORDER BY (tenant, metric)
SETTINGS non_replicated_deduplication_window = 1000;

-- The last total of each series that is sent as deltas, so that the next delta can be added to it.
CREATE TABLE totals (
    tenant LowCardinality(String),
    fp UInt64,
    time DateTime64(3, 'UTC'),
    total Float64
) ENGINE = ReplacingMergeTree(time) ORDER BY (tenant, fp)
SETTINGS non_replicated_deduplication_window = 1000;

-- Calls between services by minute, found by joining client and server spans once the minute is over.
CREATE TABLE edges (
    tenant LowCardinality(String),
    minute DateTime('UTC') CODEC(DoubleDelta, ZSTD),
    client LowCardinality(String),
    server LowCardinality(String),
    bucket Int16,
    calls UInt64 CODEC(T64, ZSTD),
    errors UInt64 CODEC(T64, ZSTD),
    total_ns UInt64 CODEC(T64, ZSTD)
) ENGINE = SummingMergeTree((calls, errors, total_ns))
ORDER BY (tenant, client, server, minute, bucket) PARTITION BY toDate(minute)
SETTINGS non_replicated_deduplication_window = 1000;
