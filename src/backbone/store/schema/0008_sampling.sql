-- Sampling. How many spans a span stands for: by the threshold that its sampler wrote into its state, or by our own.
ALTER TABLE spans ADD COLUMN IF NOT EXISTS weight Float64
    DEFAULT if(position(trace_state, 'th:') = 0, 1, 72057594037927936 / (72057594037927936 - reinterpretAsUInt64(reverse(unhex(rightPad(extract(trace_state, '(?:^|,)[ \\t]*ot=(?:[^,]*;)?th:([0-9a-fA-F]{1,14})[ \\t]*(?:[;,]|$)'), 14, '0'))))))
    CODEC(ZSTD);

-- Spans of traces that are not decided on yet. Every group that is written together is a partition of its own, so that
-- it can be let go of as a whole; nothing is ever merged.
CREATE TABLE spans_waiting (
    batch String,
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
    attributes Map(LowCardinality(String), String),
    attribute_kinds LowCardinality(String),
    dropped_attributes UInt32,
    resource Map(LowCardinality(String), String),
    resource_kinds LowCardinality(String),
    resource_dropped_attributes UInt32,
    resource_schema_url LowCardinality(String),
    scope LowCardinality(String),
    scope_version LowCardinality(String),
    scope_attributes Map(LowCardinality(String), String),
    scope_kinds LowCardinality(String),
    scope_dropped_attributes UInt32,
    scope_schema_url LowCardinality(String),
    events Nested (
        time DateTime64(9, 'UTC'), name LowCardinality(String), attributes Map(LowCardinality(String), String),
        attribute_kinds String, dropped_attributes UInt32),
    dropped_events UInt32,
    links Nested (
        trace_id FixedString(16), span_id FixedString(8), trace_state String,
        attributes Map(LowCardinality(String), String), attribute_kinds String,
        dropped_attributes UInt32, flags UInt32),
    dropped_links UInt32,
    weight Float64
        DEFAULT if(position(trace_state, 'th:') = 0, 1, 72057594037927936 / (72057594037927936 - reinterpretAsUInt64(reverse(unhex(rightPad(extract(trace_state, '(?:^|,)[ \\t]*ot=(?:[^,]*;)?th:([0-9a-fA-F]{1,14})[ \\t]*(?:[;,]|$)'), 14, '0'))))))
) ENGINE = MergeTree ORDER BY tuple() PARTITION BY batch
SETTINGS min_bytes_for_wide_part = 268435456, non_replicated_deduplication_window = 1000;

-- Log records that sampling leaves out unless their trace is kept.
CREATE TABLE logs_waiting (
    batch String,
    rule LowCardinality(String),
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
    attributes Map(LowCardinality(String), String),
    attribute_kinds LowCardinality(String),
    dropped_attributes UInt32,
    resource Map(LowCardinality(String), String),
    resource_kinds LowCardinality(String),
    resource_dropped_attributes UInt32,
    resource_schema_url LowCardinality(String),
    scope LowCardinality(String),
    scope_version LowCardinality(String),
    scope_attributes Map(LowCardinality(String), String),
    scope_kinds LowCardinality(String),
    scope_dropped_attributes UInt32,
    scope_schema_url LowCardinality(String)
) ENGINE = MergeTree ORDER BY tuple() PARTITION BY batch
SETTINGS min_bytes_for_wide_part = 268435456, non_replicated_deduplication_window = 1000;

-- What became of traces, for as long as spans that come late follow it.
CREATE TABLE decisions (
    tenant LowCardinality(String),
    trace_id FixedString(16) CODEC(NONE),
    kept Bool,
    rule LowCardinality(String),
    weight Float64,
    decided DateTime64(9, 'UTC')
) ENGINE = MergeTree ORDER BY trace_id PARTITION BY toStartOfFiveMinutes(decided);

-- The spans of calls between services, kept or not, until their minute is summed up in `edges`.
CREATE TABLE calls (
    tenant LowCardinality(String),
    received DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    trace_id FixedString(16) CODEC(NONE),
    span_id FixedString(8) CODEC(NONE),
    parent_span_id FixedString(8) CODEC(NONE),
    service LowCardinality(String),
    kind Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5),
    status Enum8('unset' = 0, 'ok' = 1, 'error' = 2),
    duration_ns UInt64
) ENGINE = MergeTree ORDER BY (tenant, time) PARTITION BY toStartOfTenMinutes(received)
SETTINGS non_replicated_deduplication_window = 1000;
