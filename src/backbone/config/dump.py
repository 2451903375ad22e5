"""From a configuration to YAML that reads as the same configuration, its secrets apart."""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from pydantic import BaseModel

from backbone.config.yaml import meaning


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.2 would read as something else than a text; PyYAML itself knows 1.1 only."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    quoted = None if isinstance(meaning(text), str) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text.replace("$", "$$"), style=quoted)


_Dumper.add_representer(str, _text)


def dump(model: BaseModel) -> str:
    """Return every option with its value, in the order of the reference; secrets are masked."""
    values = model.model_dump(mode="json")
    text: str = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


def flat(model: BaseModel) -> dict[str, str]:
    """Return every option by its dotted name, with its value as text; secrets are masked."""
    return dict(_flat("", model.model_dump(mode="json")))


def _flat(trail: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{trail}.{name}" if trail else name, inner)
    else:
        yield trail, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
