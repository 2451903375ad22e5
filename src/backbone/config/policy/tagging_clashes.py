"""Options of the tagging section that are right alone and wrong together."""

from __future__ import annotations

from collections.abc import Iterator

from backbone.config.policy.patterns import matches
from backbone.config.policy.tagging import (
    MAX_RULES,
    AnyRule,
    AttributeRule,
    MetricRule,
    NamesRule,
    Place,
    TaggingConfig,
    signals_of,
)
from backbone.config.section import Clash, ClashesError
from backbone.config.wording import did_you_mean, nearest, show


def check(config: TaggingConfig) -> None:
    """
    Refuse a section whose options do not fit together.

    Raises:
        ClashesError: they do not; all of it is told.
    """
    clashes = [*_renames(config), *_names(config), *_teams(config)]
    for place, rule in config.rules():
        clashes += _alone(place, rule)
        if isinstance(rule, AttributeRule):
            clashes += _with_renames(config, place, rule)
            clashes += _with_lists(config, place, rule)
    if clashes:
        raise ClashesError(clashes)


def _renames(config: TaggingConfig) -> Iterator[Clash]:
    renames = config.all_renames()
    for old, new in config.renames.items():
        place = ("renames", old)
        if old == new:
            yield Clash(place, place, f"expected another name, got {show(new)}")
        elif new in renames:
            whose = "by 'conventions'" if new not in config.renames else "itself"
            what = f"expected a name that stays, got {show(new)}, which is renamed to {show(renames[new])} {whose}"
            yield Clash(place, ("renames", new), what)
        elif denied := _denying(config, new):
            what = f"expected a name that is not denied, got {show(new)}, which rule '{denied.name}' denies"
            yield Clash(place, ("deny", config.deny.index(denied)), what)


def _denying(config: TaggingConfig, name: str) -> NamesRule | None:
    return next((rule for rule in config.deny if _is_listed(rule, name)), None)


def _is_listed(rule: NamesRule, name: str) -> bool:
    return any(matches(pattern, name) for pattern in rule.names)


def _names(config: TaggingConfig) -> Iterator[Clash]:
    seen: dict[str, Place] = {}
    for number, (place, rule) in enumerate(config.rules(), 1):
        if number > MAX_RULES:
            yield Clash(place, place, f"expected at most {MAX_RULES} rules in all, got more")
            return
        if rule.title in seen:
            what = f"expected a name of its own, got {show(rule.title)}, which {_dotted(seen[rule.title])} has"
            yield Clash((*place, "name"), (*seen[rule.title], "name"), what)
        seen.setdefault(rule.title, place)


def _dotted(place: Place) -> str:
    return f"'tagging.{place[0]}[{place[1]}]'"


def _teams(config: TaggingConfig) -> Iterator[Clash]:
    for place, rule in config.rules():
        for index, team in enumerate(rule.teams):
            if team not in config.teams:
                expected = "one of 'tagging.teams'" if config.teams else "a name of 'tagging.teams', which has none"
                what = f"expected {expected}, got {show(team)}{did_you_mean(nearest(team, config.teams))}"
                yield Clash((*place, "teams", index), ("teams",), what)


def _alone(place: Place, rule: AnyRule) -> Iterator[Clash]:
    match rule:
        case AttributeRule() if rule.values and rule.pattern:
            yield Clash((*place, "pattern"), (*place, "values"), "expected 'values' or 'pattern', got both")
        case AttributeRule(requirement="optional") if not (rule.values or rule.pattern):
            what = "expected 'values' or 'pattern' with it, got none: the rule says nothing"
            yield Clash((*place, "requirement"), (*place, "values"), what)
        case AttributeRule(on_breach="remove") if not (rule.values or rule.pattern):
            what = "expected 'values' or 'pattern' with 'remove', got none: what is not there cannot be removed"
            yield Clash((*place, "on_breach"), (*place, "values"), what)
        case MetricRule() if not (rule.pattern or rule.suffixes or rule.units):
            yield Clash(place, place, "expected 'pattern', 'suffixes' or 'units', got none: the rule says nothing")
        case _:
            return


def _with_renames(config: TaggingConfig, place: Place, rule: AttributeRule) -> Iterator[Clash]:
    new = config.all_renames().get(rule.attribute)
    if new:
        whose = "renames" if rule.attribute in config.renames else "conventions"
        what = f"expected a name that stays, got {show(rule.attribute)}, which '{whose}' makes {show(new)}"
        yield Clash((*place, "attribute"), (whose,), what)


def _with_lists(config: TaggingConfig, place: Place, rule: AttributeRule) -> Iterator[Clash]:
    """Tell what has to be there, or is spoken of, and may not be."""
    for kind, other in (*(("deny", one) for one in config.deny), *(("allow", one) for one in config.allow)):
        listed = _is_listed(other, rule.attribute)
        if listed == (kind == "deny") and _meet(rule, other):
            index = getattr(config, kind).index(other)
            what = f"expected an attribute that may be there, got {show(rule.attribute)}, which rule '{other.name}' "
            what += "denies" if kind == "deny" else "does not allow"
            yield Clash((*place, "attribute"), (kind, index, "names"), what)


def _meet(rule: AttributeRule, other: NamesRule) -> bool:
    """Whether there is telemetry that both are about."""
    teams = not (rule.teams and other.teams) or bool(set(rule.teams) & set(other.teams))
    return rule.where == other.where and teams and bool(set(signals_of(rule)) & set(signals_of(other)))
