-- What stands in row after row takes less time and less room with LZ4 than with ZSTD. With what that saves, marks of spans
-- stand twice as close: of a trace 4,096 rows around each of its spans are read, not 8,192. Spans are copied for that.
CREATE TABLE spans_finer AS spans ENGINE = MergeTree
ORDER BY (tenant, service, name, toStartOfMinute(time)) PARTITION BY toDate(time)
SETTINGS index_granularity = 4096, min_bytes_for_wide_part = 134217728, merge_selector_base = 10,
    non_replicated_deduplication_window = 1000;

ALTER TABLE spans_finer
    MODIFY COLUMN trace_state CODEC(LZ4),
    MODIFY COLUMN flags CODEC(LZ4),
    MODIFY COLUMN kind CODEC(LZ4),
    MODIFY COLUMN status CODEC(LZ4),
    MODIFY COLUMN status_message CODEC(LZ4),
    MODIFY COLUMN attribute_kinds CODEC(LZ4),
    MODIFY COLUMN dropped_attributes CODEC(LZ4),
    MODIFY COLUMN resource CODEC(LZ4),
    MODIFY COLUMN resource_kinds CODEC(LZ4),
    MODIFY COLUMN resource_dropped_attributes CODEC(LZ4),
    MODIFY COLUMN resource_schema_url CODEC(LZ4),
    MODIFY COLUMN scope CODEC(LZ4),
    MODIFY COLUMN scope_version CODEC(LZ4),
    MODIFY COLUMN scope_attributes CODEC(LZ4),
    MODIFY COLUMN scope_kinds CODEC(LZ4),
    MODIFY COLUMN scope_dropped_attributes CODEC(LZ4),
    MODIFY COLUMN scope_schema_url CODEC(LZ4),
    MODIFY COLUMN dropped_events CODEC(LZ4),
    MODIFY COLUMN dropped_links CODEC(LZ4),
    MODIFY COLUMN weight CODEC(LZ4);

TRUNCATE TABLE spans_finer;

INSERT INTO spans_finer SETTINGS insert_deduplicate = 0, max_threads = 1, max_insert_threads = 1,
    min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864
SELECT * FROM spans;

DROP TABLE IF EXISTS spans_before;

RENAME TABLE spans TO spans_before, spans_finer TO spans;

DROP TABLE IF EXISTS spans_before;

ALTER TABLE logs
    MODIFY COLUMN severity CODEC(LZ4),
    MODIFY COLUMN severity_text CODEC(LZ4),
    MODIFY COLUMN body_kind CODEC(LZ4),
    MODIFY COLUMN event_name CODEC(LZ4),
    MODIFY COLUMN flags CODEC(LZ4),
    MODIFY COLUMN attribute_kinds CODEC(LZ4),
    MODIFY COLUMN dropped_attributes CODEC(LZ4),
    MODIFY COLUMN resource CODEC(LZ4),
    MODIFY COLUMN resource_kinds CODEC(LZ4),
    MODIFY COLUMN resource_dropped_attributes CODEC(LZ4),
    MODIFY COLUMN resource_schema_url CODEC(LZ4),
    MODIFY COLUMN scope CODEC(LZ4),
    MODIFY COLUMN scope_version CODEC(LZ4),
    MODIFY COLUMN scope_attributes CODEC(LZ4),
    MODIFY COLUMN scope_kinds CODEC(LZ4),
    MODIFY COLUMN scope_dropped_attributes CODEC(LZ4),
    MODIFY COLUMN scope_schema_url CODEC(LZ4);
