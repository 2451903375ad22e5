-- Records by the text of any of their attributes, and, for those who follow them live, by when they came in.
ALTER TABLE logs ADD INDEX IF NOT EXISTS by_value arrayConcat(mapValues(attributes), mapValues(resource))
    TYPE bloom_filter(0.01) GRANULARITY 1;
ALTER TABLE logs ADD INDEX IF NOT EXISTS by_received received TYPE minmax GRANULARITY 1;
