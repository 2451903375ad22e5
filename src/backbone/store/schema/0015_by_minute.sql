-- Sorted by the minute rather than the nanosecond: parts that came one after the other are put together in long runs of
-- rows instead of row by row, and in columns of their own one at a time, for half of what merging took. For that an
-- index has to be of one column, and logs have two of texts. All is copied, with whatever columns labels were given.
CREATE TABLE spans_by_minute AS spans ENGINE = MergeTree
ORDER BY (tenant, service, name, toStartOfMinute(time)) PARTITION BY toDate(time)
SETTINGS min_bytes_for_wide_part = 134217728, merge_selector_base = 10, non_replicated_deduplication_window = 1000;

ALTER TABLE spans_by_minute ADD INDEX IF NOT EXISTS by_time time TYPE minmax GRANULARITY 1;

TRUNCATE TABLE spans_by_minute;

INSERT INTO spans_by_minute SETTINGS insert_deduplicate = 0, max_threads = 1, max_insert_threads = 1,
    min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864
SELECT * FROM spans;

DROP TABLE IF EXISTS spans_before;

RENAME TABLE spans TO spans_before, spans_by_minute TO spans;

DROP TABLE IF EXISTS spans_before;

CREATE TABLE logs_by_minute AS logs ENGINE = MergeTree
ORDER BY (tenant, service, toStartOfMinute(time)) PARTITION BY toDate(time)
SETTINGS min_bytes_for_wide_part = 134217728, merge_selector_base = 10, non_replicated_deduplication_window = 1000;

-- Lines are read through twice as fast, for a fifth more on disk.
ALTER TABLE logs_by_minute
    MODIFY COLUMN body String CODEC(LZ4),
    DROP INDEX IF EXISTS by_value,
    ADD INDEX IF NOT EXISTS by_attribute_value mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_resource_value mapValues(resource) TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_time time TYPE minmax GRANULARITY 1;

TRUNCATE TABLE logs_by_minute;

INSERT INTO logs_by_minute SETTINGS insert_deduplicate = 0, max_threads = 1, max_insert_threads = 1,
    min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 67108864
SELECT * FROM logs;

DROP TABLE IF EXISTS logs_before;

RENAME TABLE logs TO logs_before, logs_by_minute TO logs;

DROP TABLE IF EXISTS logs_before;
