-- Durations of an operation's minute in one row, with a count for each bucket, rather than a row for each bucket: a third
-- as many rows as there were spans took a sixth of what spans take in all. Either form is read, should this be done twice.
ALTER TABLE operations ADD COLUMN IF NOT EXISTS
    durations SimpleAggregateFunction(sumMap, Tuple(Array(Int16), Array(UInt64)));

ALTER TABLE operations ADD COLUMN IF NOT EXISTS bucket Int16;

CREATE TABLE operations_by_minute (
    tenant LowCardinality(String),
    minute DateTime('UTC') CODEC(DoubleDelta, ZSTD),
    service LowCardinality(String),
    name LowCardinality(String),
    kind Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5),
    status Enum8('unset' = 0, 'ok' = 1, 'error' = 2),
    spans UInt64 CODEC(T64, ZSTD),
    total_ns UInt64 CODEC(T64, ZSTD),
    durations SimpleAggregateFunction(sumMap, Tuple(Array(Int16), Array(UInt64))) CODEC(ZSTD)
) ENGINE = SummingMergeTree
ORDER BY (tenant, service, name, kind, minute, status) PARTITION BY toDate(minute)
SETTINGS non_replicated_deduplication_window = 1000;

TRUNCATE TABLE operations_by_minute;

INSERT INTO operations_by_minute SETTINGS insert_deduplicate = 0
SELECT tenant, minute, service, name, kind, status, sum(n) AS spans, sum(ns) AS total_ns, sumMap(counted) AS durations
FROM (
    SELECT tenant, minute, service, name, kind, status, operations.spans AS n, operations.total_ns AS ns,
        if(empty(operations.durations.1), ([bucket], [n]), operations.durations) AS counted
    FROM operations
)
GROUP BY tenant, minute, service, name, kind, status;

DROP TABLE IF EXISTS operations_before;

RENAME TABLE operations TO operations_before, operations_by_minute TO operations;

DROP TABLE IF EXISTS operations_before;
