"""Which traces and log records are kept where not all are."""

from __future__ import annotations

from backbone.config.section import Section


class SampleConfig(Section):
    """Which traces and log records are kept; by default all."""
