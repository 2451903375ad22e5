"""Attributes that get other names as rows of them are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Renames:
    """New names of attributes by their old ones: of resources, and of spans and log records."""

    resources: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)
