-- What merges write is put together a column at a time from a few thousand rows on, for half the work. It needs a file a
-- column, which inserts would pay for dearly: they stay in one file however large they are.
ALTER TABLE spans MODIFY SETTING
    min_level_for_wide_part = 1, min_bytes_for_wide_part = 16777216, vertical_merge_algorithm_min_rows_to_activate = 1;

ALTER TABLE logs MODIFY SETTING
    min_level_for_wide_part = 1, min_bytes_for_wide_part = 8388608, vertical_merge_algorithm_min_rows_to_activate = 1;
