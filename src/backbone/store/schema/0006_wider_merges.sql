-- More parts are merged at a time, so that a row is merged less often.
ALTER TABLE spans MODIFY SETTING merge_selector_base = 16;
ALTER TABLE logs MODIFY SETTING merge_selector_base = 16;
ALTER TABLE operations MODIFY SETTING merge_selector_base = 10;
ALTER TABLE ingested MODIFY SETTING merge_selector_base = 10;
