"""The plain ways to ask: traces by id and search, logs by words, series by selector, read-only SQL."""
