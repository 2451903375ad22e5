"""From a file, or none, to the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backbone.config.model import Config


def load_config(path: Path | None, overrides: Mapping[str, str] | None = None) -> Config:
    """Return the configuration of a file, or the defaults; *overrides* are options by dotted path."""
    tree: dict[str, Any] = {}
    for option, value in (overrides or {}).items():
        node = tree
        *sections, name = option.split(".")
        for section in sections:
            node = node.setdefault(section, {})
        node[name] = value
    return Config.model_validate(tree)
