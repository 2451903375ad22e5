"""Sampling: which spans and log records are stored, decided at once by trace id or later by whole traces."""
