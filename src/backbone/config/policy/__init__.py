"""
The sections of ``policy.yaml``: how telemetry is governed before it is stored.

The text below a field is its page in the reference. The defaults alone are the policy of a server that names no file.
"""

from __future__ import annotations

from backbone.config.policy.limits import LimitsConfig
from backbone.config.policy.redact import RedactConfig
from backbone.config.policy.sample import SampleConfig
from backbone.config.policy.tagging import TaggingConfig
from backbone.config.section import Section

__all__ = ["LimitsConfig", "PolicyConfig", "RedactConfig", "SampleConfig", "TaggingConfig"]


class PolicyConfig(Section):
    """Everything a policy may say; what happens to an item stands here in the order in which it happens."""

    tagging: TaggingConfig = TaggingConfig()
    redact: RedactConfig = RedactConfig()
    limits: LimitsConfig = LimitsConfig()
    sample: SampleConfig = SampleConfig()
