-- What policy found and did, by minute, service and rule, with an example that holds nothing that is redacted.
CREATE TABLE findings (
    tenant LowCardinality(String),
    minute DateTime('UTC') CODEC(DoubleDelta, ZSTD),
    signal LowCardinality(String),
    service LowCardinality(String),
    policy LowCardinality(String),
    rule LowCardinality(String),
    outcome LowCardinality(String),
    items SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD),
    example SimpleAggregateFunction(anyLast, String) CODEC(ZSTD)
) ENGINE = AggregatingMergeTree ORDER BY (tenant, policy, signal, service, rule, outcome, minute)
PARTITION BY toDate(minute)
SETTINGS non_replicated_deduplication_window = 1000;
