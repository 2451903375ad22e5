"""What is shown as an example of a breach."""

from __future__ import annotations

from backbone.config.policy.tagging import AttributeRule, NamesRule, Signal, TaggingConfig
from backbone.process.literals import listed
from backbone.process.tag.conditions import named
from backbone.process.tag.numbered import Numbered, numbered
from backbone.process.tag.subjects import Rows, Series, Subject

_LONGEST = 200
_TRACE = "if(trace_id = toFixedString('', 16), '', lower(hex(trace_id)))"


def evidence(config: TaggingConfig, signal: Signal) -> str:
    """
    Return the expression that shows what broke the rule ``bit`` in a row that redaction is done with.

    It is the attribute with its value, or the name that may not be there; where neither is, a trace's id, or a metric.
    """
    subject: Subject = Series() if signal == "metrics" else Rows(signal)
    otherwise = "metric" if signal == "metrics" else _TRACE
    rules = [one for one in numbered(config) if one.is_about(signal)]
    branches = [branch for one in rules if (branch := _named(one, subject))]
    attributes = {one.bit: one.rule for one in rules if isinstance(one.rule, AttributeRule)}
    if attributes and signal != "metrics":
        branches.append(_valued(attributes))
    if not branches:
        return otherwise
    shown = f"substringUTF8(multiIf({', '.join(branches)}, ''), 1, {_LONGEST})"
    return f"firstNonDefault({shown}, {otherwise})"


def _named(one: Numbered, subject: Subject) -> str:
    if not isinstance(one.rule, NamesRule):
        return ""
    found = f"arrayFirst(k -> {named(one, one.rule, subject)}, {subject.names(one.rule.where)})"
    return f"bit = {one.bit}, toString({found})"


def _valued(rules: dict[int, AttributeRule]) -> str:
    """Return the branch of all rules about values; one for each would take long to plan."""
    bits = range(max(rules) + 1)
    name = f"[{listed(rules[bit].attribute if bit in rules else '' for bit in bits)}][bit + 1]"
    in_resource = [int(bit in rules and rules[bit].where == "resource") for bit in bits]
    value = f"if({in_resource}[bit + 1] = 1, resource[{name}], attributes[{name}])"
    return f"{value} != '', concat({name}, '=', {value})"
