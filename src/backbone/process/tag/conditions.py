"""Rules as conditions of SQL: true where a row breaks one."""

from __future__ import annotations

from backbone.config.policy.patterns import matches, whole
from backbone.config.policy.tagging import AttributeRule, MetricRule, NamesRule, TaggingConfig
from backbone.process.literals import all_of, any_of, listed, literal
from backbone.process.metric_names import UNITS
from backbone.process.tag.numbered import Numbered
from backbone.process.tag.subjects import TARGET, Subject

TEAM = "tagging_team"
"""The column of the team, where rules ask for it."""


def owner(config: TaggingConfig, service: str) -> str:
    """Return the expression of the team that a service, an expression, belongs to, empty where it is nobody's."""
    branches = [
        f"match({service}, {literal(whole('|'.join(f'(?:{one})' for one in team.services)))}), {literal(name)}"
        for name, team in config.teams.items()
        if team.services
    ]
    return f"multiIf({', '.join(branches)}, '')" if branches else "''"


def team(config: TaggingConfig, subject: Subject) -> str:
    """Return the expression of the team whose service a row is of, empty where it is nobody's."""
    owned = owner(config, subject.service)
    if not config.team_attribute:
        return owned
    said = subject.value("resource", config.team_attribute)
    return f"if({said} != '', {said}, {owned})"


def breach(one: Numbered, subject: Subject) -> str:
    """Return the condition of rows that break a rule."""
    match one.rule:
        case AttributeRule() as rule:
            parts = [subject.spoken_of(rule.where), _attribute(rule, subject)]
        case NamesRule() as rule:
            found = f"arrayExists(k -> {named(one, rule, subject)}, {subject.names(rule.where)})"
            parts = [subject.spoken_of(rule.where), "" if one.allows else subject.may_be_listed(rule), found]
        case MetricRule() as rule:
            parts = _metric(rule)
    of_teams = f"{TEAM} IN ({listed(one.rule.teams)})" if one.rule.teams else ""
    return all_of([of_teams, *parts])


def named(one: Numbered, rule: NamesRule, subject: Subject) -> str:
    """Return the condition of names of attributes, ``k``, that may not be there."""
    found = subject.listed("k", rule.names, ours=one.allows)
    return f"NOT {found}" if one.allows else found


def _attribute(rule: AttributeRule, subject: Subject) -> str:
    wrong = _wrong_value(rule, subject.value(rule.where, rule.attribute))
    there = subject.may_be_there(rule)
    return f"if({there}, {wrong}, {int(rule.requirement != 'optional')})" if there else wrong


def _wrong_value(rule: AttributeRule, value: str) -> str:
    if not (rule.values or rule.pattern):
        return f"{value} = ''"
    if rule.pattern:
        wrong, takes_empty = f"NOT match({value}, {literal(whole(rule.pattern))})", matches(rule.pattern, "")
    else:
        wrong, takes_empty = f"{value} NOT IN ({listed(rule.values)})", "" in rule.values
    if rule.requirement == "optional":
        return all_of([f"{value} != ''", wrong])
    return any_of([f"{value} = ''", wrong]) if takes_empty else wrong


def _metric(rule: MetricRule) -> list[str]:
    wrong = []
    if rule.pattern:
        wrong.append(f"NOT match(metric, {literal(whole(rule.pattern))})")
    if rule.suffixes:
        ends = f"(?:{'|'.join(rule.suffixes)})(?:_bucket|_count|_sum)?$"
        wrong.append(f"NOT match(metric, {literal(ends)})")
    if rule.units:
        words = {word for unit in rule.units for word in (unit, UNITS.get(unit, unit), *(["ratio"] * (unit == "1")))}
        wrong.append(f"unit NOT IN ({listed(sorted({*words, ''}))})")
    spoken_of = f"match(metric, {literal(whole(rule.match))})" if rule.match else ""
    return [f"metric != '{TARGET}'", spoken_of, any_of(wrong)]
