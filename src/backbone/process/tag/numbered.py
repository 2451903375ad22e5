"""Rules with their bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from backbone.config.policy.tagging import AnyRule, Signal, TaggingConfig, Where, signals_of


@dataclass(frozen=True, slots=True)
class Numbered:
    """A rule with its bit of ``breaches``; ``allows`` where it is a list of what may be there."""

    bit: int
    rule: AnyRule
    allows: bool = False

    def is_about(self, signal: Signal) -> bool:
        return signal in signals_of(self.rule)

    @property
    def where(self) -> Where:
        where: Where = getattr(self.rule, "where", "item")
        return where


def numbered(config: TaggingConfig) -> Iterator[Numbered]:
    """Yield all rules in the order of their bits."""
    for bit, (place, rule) in enumerate(config.rules()):
        yield Numbered(bit, rule, allows=place[0] == "allow")
