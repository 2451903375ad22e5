-- Which metrics somebody asked for, and when last: what nobody asks for can go.
CREATE TABLE queried (
    tenant LowCardinality(String),
    metric LowCardinality(String),
    last SimpleAggregateFunction(max, DateTime('UTC')) CODEC(ZSTD),
    queries SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD)
) ENGINE = AggregatingMergeTree ORDER BY (tenant, metric)
SETTINGS non_replicated_deduplication_window = 1000;
