"""How many labels and series there may be."""

from __future__ import annotations

from backbone.config.section import Section


class LimitsConfig(Section):
    """Limits of labels, and budgets of series; over them series collapse into one, or are left out."""
