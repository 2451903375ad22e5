"""What telemetry has to say of itself: attributes, their names and values, units and names of metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from backbone.config.policy.patterns import Pattern
from backbone.config.section import Section
from backbone.config.units import OptionError
from backbone.model.semconv import DEPRECATED, DEPRECATED_OF_RESOURCES

Signal = Literal["traces", "logs", "metrics"]
Where = Literal["resource", "item"]
Action = Literal["count", "tag", "remove", "drop", "refuse"]

SIGNALS: tuple[Signal, ...] = ("traces", "logs", "metrics")
MAX_RULES = 64
"""A row has a bit for each."""
BREACHES = "backbone.policy.breaches"
"""The attribute that holds the names of rules that an item breaks, where these say so."""


def _rule_name(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_.:/-]{1,64}", text):
        raise OptionError("a name of at most 64 letters, digits and _ . : / -", text)
    return text


def _attribute_name(text: str) -> str:
    if not text or len(text) > 200 or not text.isprintable() or text == BREACHES:
        raise OptionError("the name of an attribute, at most 200 characters", text)
    return text


def _suffix(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_:]{1,64}", text):
        raise OptionError("the end of a metric's name like _seconds", text)
    return text


def _some(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if not patterns:
        raise OptionError("at least one pattern", "[]")
    return patterns


RuleName = Annotated[str, AfterValidator(_rule_name)]
AttributeName = Annotated[str, AfterValidator(_attribute_name)]
Suffix = Annotated[str, AfterValidator(_suffix)]


class TeamConfig(Section):
    """A team, and the services that are its own; a service belongs to the first team of which a pattern matches."""

    services: Annotated[tuple[Pattern, ...], Field(strict=False)] = ()
    """Patterns of services' names."""
    contact: str = ""
    """Where the team is reached, for the published standard."""


class Rule(Section):
    """What all rules may say."""

    teams: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Whose telemetry the rule is about; without any, everyone's."""
    why: str = ""
    """Why there is this rule, for the published standard."""


class AttributeRule(Rule):
    """An attribute that has to be there, or has to have certain values."""

    attribute: AttributeName
    """The attribute's name, after renames."""
    name: Annotated[str, AfterValidator(lambda text: text and _rule_name(text))] = ""
    """What the rule is called where breaches are counted; without it, as the attribute."""
    where: Where = "resource"
    """Whether the `resource` has to say it, or each `item`: a span, a log record, a series by its labels."""
    requirement: Literal["required", "recommended", "optional"] = "required"
    """
    `optional` is about values only: it need not be there. A breach of what is `recommended` weighs a third in the
    scorecard.
    """
    values: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The values it may have; without any, all."""
    pattern: Pattern | None = None
    """A pattern of the values it may have, in place of `values`."""
    signals: Annotated[tuple[Signal, ...], Field(strict=False)] = ()
    """Which signals the rule is about; without any, all."""
    on_breach: Action = "count"
    """
    Counted are all breaches; beyond that, `tag` names the rule in the item's attribute `backbone.policy.breaches`,
    `remove` takes away the attribute with the wrong value, `drop` leaves the item out, `refuse` also tells its sender.
    """

    @property
    def title(self) -> str:
        return self.name or self.attribute


class NamesRule(Rule):
    """Names of attributes that may, or may not be there."""

    name: RuleName
    """What the rule is called where breaches are counted."""
    requirement: Literal["required", "recommended"] = "required"
    """How much a breach weighs in the scorecard; `recommended` weighs a third."""
    names: Annotated[tuple[Pattern, ...], Field(strict=False), AfterValidator(_some)]
    """Patterns of attributes' names, after renames. In metrics, where names have no dots, `\\.` is `_` too."""
    where: Where = "item"
    """Whether the rule is about a `resource` or about each `item`: a span, a log record, a series by its labels."""
    signals: Annotated[tuple[Signal, ...], Field(strict=False)] = ()
    """Which signals the rule is about; without any, all."""
    on_breach: Action = "count"
    """
    Counted are all breaches; beyond that, `tag` names the rule in the item's attribute `backbone.policy.breaches`,
    `remove` takes the attributes away, `drop` leaves the item out, `refuse` also tells its sender.
    """

    @property
    def title(self) -> str:
        return self.name


class MetricRule(Rule):
    """What names and units of metrics have to be like; names as Prometheus has them, such as `rpc_duration_seconds`."""

    name: RuleName
    """What the rule is called where breaches are counted."""
    requirement: Literal["required", "recommended"] = "required"
    """How much a breach weighs in the scorecard; `recommended` weighs a third."""
    match: Pattern | None = None
    """A pattern of the names of metrics that the rule is about; without it, all."""
    pattern: Pattern | None = None
    """A pattern that their names have to match."""
    suffixes: Annotated[tuple[Suffix, ...], Field(strict=False)] = ()
    """How their names may end, before `_bucket`, `_count` and `_sum`."""
    units: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Units they may have, such as `ms` or `milliseconds`; a metric that was sent without a unit is not judged."""
    on_breach: Literal["count", "tag", "drop", "refuse"] = "count"
    """
    Counted are all breaches; beyond that, `tag` names the rule in the label `backbone_policy_breaches`, `drop` leaves
    the series out, `refuse` also tells its sender.
    """

    @property
    def title(self) -> str:
        return self.name


AnyRule = AttributeRule | NamesRule | MetricRule
Place = tuple[str | int, ...]


class TaggingConfig(Section):
    """The tagging standard: what telemetry has to say of itself, and what becomes of what does not."""

    teams: dict[str, TeamConfig] = Field(default_factory=dict)
    """Who is behind which services; rules may be about some teams only."""
    team_attribute: Annotated[str, AfterValidator(lambda text: text and _attribute_name(text))] = ""
    """An attribute of resources that names the team, such as `team`; it stands over the patterns of `teams`."""
    conventions: bool = False
    """Rename what OpenTelemetry's semantic conventions (1.38) call otherwise now: `http.method` and the like."""
    renames: dict[AttributeName, AttributeName] = Field(default_factory=dict)
    """
    Old names of attributes of resources and items, and what they are called instead. An old one stays as it is where
    the new one is there too; of several old ones for one new one, the first is renamed.
    """
    attributes: Annotated[tuple[AttributeRule, ...], Field(strict=False)] = ()
    """Attributes that have to be there, and their values."""
    deny: Annotated[tuple[NamesRule, ...], Field(strict=False)] = ()
    """Attributes that may not be there."""
    allow: Annotated[tuple[NamesRule, ...], Field(strict=False)] = ()
    """Lists of the only attributes that may be there."""
    metrics: Annotated[tuple[MetricRule, ...], Field(strict=False)] = ()
    """What names and units of metrics have to be like."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        from backbone.config.policy.tagging_clashes import check  # noqa: PLC0415 - it is about this class

        check(self)
        return self

    def rules(self) -> Iterator[tuple[Place, AnyRule]]:
        """Yield all rules with their places in this section, in the order of their bits."""
        for kind in ("attributes", "deny", "allow", "metrics"):
            for index, rule in enumerate(getattr(self, kind)):
                yield (kind, index), rule

    def renames_of(self, where: Where) -> dict[str, str]:
        """Return what is renamed in resources or items; the section's own renames stand over the conventions'."""
        conventions = DEPRECATED_OF_RESOURCES if where == "resource" else DEPRECATED
        return (conventions if self.conventions else {}) | self.renames

    def all_renames(self) -> dict[str, str]:
        return self.renames_of("resource") | self.renames_of("item")


def signals_of(rule: AnyRule) -> tuple[Signal, ...]:
    """Return the signals that a rule is about."""
    if isinstance(rule, MetricRule):
        return ("metrics",)
    return rule.signals or SIGNALS
