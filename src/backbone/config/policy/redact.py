"""What is personal or secret, and what becomes of it."""

from __future__ import annotations

from backbone.config.section import Section


class RedactConfig(Section):
    """Personal data and secrets are taken out of bodies, attributes, names and labels before anything is stored."""
