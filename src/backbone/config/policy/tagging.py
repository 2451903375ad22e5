"""What telemetry has to say of itself: attributes, their names and values, units and names of metrics."""

from __future__ import annotations

from backbone.config.section import Section


class TaggingConfig(Section):
    """The tagging standard: what each signal's resources have to say, and what becomes of what breaks it."""
