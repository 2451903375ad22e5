"""What a policy's section ``redact`` comes to: which rules are looked for, and what becomes of what they find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from backbone.config.policy.redact import Action, RedactConfig
from backbone.process.redact.catalogue import NUMBERS, SECRET_NAMES, WORDS
from backbone.process.redact.patterns import uncaptured
from backbone.process.redact.rule import Group, Rule

BINARY = "binary"
NAMED = "attribute"


@dataclass(frozen=True, slots=True)
class Named:
    """Attributes by their names, an expression of RE2 that is matched whole and in any case."""

    rule: str
    names: str


@dataclass(frozen=True, slots=True)
class Own:
    """A pattern of the team's own, without groups that capture."""

    rule: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is done to a text or an attribute, in order."""

    named: tuple[Named, ...]
    own: tuple[Own, ...]
    words: Group
    numbers: Group
    actions: Mapping[str, Action]
    """What becomes of what a rule finds, by its name; rules that keep what they find are not there."""
    kept: tuple[str, ...]
    """Names of attributes that nothing is done to."""
    keep_first: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all rules by their bits."""
        texts = (*self.words.rules, *self.numbers.rules)
        return (NAMED, *(one.rule for one in self.own), BINARY, *(one.name for one in texts))

    @property
    def merging(self) -> int:
        """The bits of rules after which different texts may be the same."""
        apart = {"hash", "keep"}
        return sum(1 << bit for bit, rule in enumerate(self.names) if self.actions.get(rule, "keep") not in apart)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is done, as sentences."""
        by_action: dict[str, list[str]] = {}
        for rule in self.names:
            by_action.setdefault(self.actions.get(rule, "keep"), []).append(rule)
        found = [
            f"what is found by {', '.join(rules)}: {action}" for action, rules in by_action.items() if action != "keep"
        ]
        return (*found, *(f"attributes named {names}: kept as they are" for names in self.kept))

    def for_labels(self, action: Action) -> Plan:
        """Return the plan for labels, where something else stands for masks."""
        actions = {name: action if done == "mask" else done for name, done in self.actions.items()}
        return replace(self, actions=actions, kept=("__name__", *self.kept))


def plan_of(config: RedactConfig) -> Plan:
    """Return the plan of a section that is enabled."""
    given: dict[str, Action] = {
        **config.rules.model_dump(),
        BINARY: "mask",
        **{str(one.name): one.action for one in config.patterns},
        **{f"attribute {one.name}": one.action for one in config.attributes},
    }
    actions = {name: action for name, action in given.items() if action != "keep"}
    named = [Named(f"attribute {one.name}", str(one.name)) for one in config.attributes]
    named.append(Named(NAMED, "|".join(SECRET_NAMES)))
    kept = [one.names for one in named if one.rule not in actions and one.rule != NAMED]
    return Plan(
        tuple(one for one in named if one.rule in actions),
        tuple(Own(str(one.name), uncaptured(str(one.pattern))) for one in config.patterns if str(one.name) in actions),
        _active(WORDS, actions),
        _active(NUMBERS, actions),
        actions,
        (*(str(name) for name in config.keep_attributes), *kept),
        config.keep_first,
    )


def _active(group: Group, actions: Mapping[str, Action]) -> Group:
    def in_force(rule: Rule) -> bool:
        return rule.name in actions

    return Group(tuple(filter(in_force, group.rules)), group.slots)
