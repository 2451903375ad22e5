"""
The sections of ``policy.yaml``: how telemetry is governed before it is stored.

The text below a field is its page in the reference. The defaults alone are the policy of a server that names no file.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from backbone.config.policy.limits import LimitsConfig
from backbone.config.policy.redact import RedactConfig
from backbone.config.policy.sample import SampleConfig
from backbone.config.policy.tagging import TaggingConfig
from backbone.config.section import Clash, ClashesError, Section

__all__ = ["LimitsConfig", "PolicyConfig", "RedactConfig", "SampleConfig", "TaggingConfig"]


class PolicyConfig(Section):
    """Everything a policy may say; what happens to an item stands here in the order in which it happens."""

    tagging: TaggingConfig = TaggingConfig()
    redact: RedactConfig = RedactConfig()
    limits: LimitsConfig = LimitsConfig()
    sample: SampleConfig = SampleConfig()

    @model_validator(mode="after")
    def _sections_fit_together(self) -> Self:
        strangers = [
            Clash(f"limits.teams.{name}", "tagging.teams", f"expected a team of 'tagging.teams', got '{name}'")
            for name in self.limits.teams
            if name not in self.tagging.teams
        ]
        if strangers:
            raise ClashesError(strangers)
        return self
