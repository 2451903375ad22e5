"""A tagging standard in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backbone.config.policy.tagging import (
    SIGNALS,
    AnyRule,
    AttributeRule,
    MetricRule,
    NamesRule,
    Signal,
    TaggingConfig,
    signals_of,
)

_ENDS = {
    "count": "",
    "tag": "the rule is named in the item",
    "remove": "what is wrong is taken away",
    "drop": "the item is left out",
    "refuse": "the item is refused, and its sender told",
}
_MANY = 5


def renamed(config: TaggingConfig) -> Iterator[str]:
    """Yield which attributes get other names, if any do."""
    renames = config.all_renames()
    if renames:
        some = ", ".join(f"{old} → {new}" for old, new in list(renames.items())[:_MANY])
        rest = f" and {len(renames) - _MANY} more" if len(renames) > _MANY else ""
        yield f"renamed are {some}{rest}"


def sentences(config: TaggingConfig, signal: Signal) -> Iterator[str]:
    """Yield what the rules do with a signal's items, in order."""
    for place, rule in config.rules():
        if signal in signals_of(rule):
            yield _sentence(rule, signal, allows=place[0] == "allow")


def _sentence(rule: AnyRule, signal: Signal, *, allows: bool) -> str:
    text = f"{rule.title}: {_about(rule)}{_says(rule, allows=allows)}"
    # A series is not left out for what its resource says, which another series tells.
    ends = rule.on_breach in {"drop", "refuse"} and getattr(rule, "where", "item") == "resource"
    end = "" if signal == "metrics" and ends else _ENDS[rule.on_breach]
    return f"{text}; else {end}" if end else text


def _about(rule: AnyRule) -> str:
    return f"for {either(rule.teams)}: " if rule.teams else ""


def _says(rule: AnyRule, *, allows: bool) -> str:
    match rule:
        case AttributeRule(where=where, attribute=attribute):
            owner = "the resource" if where == "resource" else "the item"
            return f"{owner} {_HAS[rule.requirement]} {attribute}{_values(rule)}"
        case NamesRule(where=where, names=names):
            owner = "the resource" if where == "resource" else "the item"
            may = "has no other attributes than" if allows else "has no attributes like"
            return f"{owner} {may} {either(names)}"
        case MetricRule():
            return f"metrics{f' like {rule.match}' if rule.match else ''} {' and '.join(_metric(rule))}"


_HAS = {"required": "has", "recommended": "should have", "optional": "may have"}


def _values(rule: AttributeRule) -> str:
    if rule.pattern:
        return f", which matches {rule.pattern}"
    return f", which is {either([value or 'empty' for value in rule.values])}" if rule.values else ""


def _metric(rule: MetricRule) -> Iterator[str]:
    if rule.pattern:
        yield f"are called like {rule.pattern}"
    if rule.suffixes:
        yield f"end in {either(rule.suffixes)}"
    if rule.units:
        yield f"are in {either(rule.units)}"


def either(names: Sequence[str]) -> str:
    """Return names with commas, and "or" before the last."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def signals_in_words(rule: AnyRule) -> str:
    """Return the signals that a rule is about."""
    about = signals_of(rule)
    return "all" if about == SIGNALS else ", ".join(about)
