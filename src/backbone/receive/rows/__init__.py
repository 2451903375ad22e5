"""Requests as rows: what is inserted of spans and log records, as the engine's own columns."""
