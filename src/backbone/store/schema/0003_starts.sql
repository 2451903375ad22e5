-- When a sample's series was last reset, for the samples whose sender said so.
CREATE TABLE starts (
    tenant LowCardinality(String),
    fp UInt64 CODEC(ZSTD),
    time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD),
    start DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD)
) ENGINE = ReplacingMergeTree ORDER BY (tenant, fp, time) PARTITION BY toDate(time)
SETTINGS non_replicated_deduplication_window = 1000;
