"""
How well each service keeps to the tagging standard, as one number.

A rule's share of breaches is that of the items of the signals it is about, 0 to 1. The score is 100 less the mean of
the shares of all rules that are about the service, where what is required counts three times as much as what is
recommended or optional. So 100 is a service that breaks nothing, and 0 one of which every item breaks every rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from backbone.config.policy.patterns import matches
from backbone.config.policy.tagging import AnyRule, TaggingConfig, signals_of
from backbone.query.conditions import Conditions
from backbone.query.operations import NS_PER_SECOND, minutes
from backbone.store.engine import Engine, QueryLimits

Grade = Literal["A", "B", "C", "D", "F"]
WEIGHTS: Mapping[str, int] = {"required": 3, "recommended": 1, "optional": 1}
GRADES: Sequence[tuple[float, Grade]] = ((95, "A"), (85, "B"), (70, "C"), (50, "D"))
"""From which score on; below, it is F."""
_MINUTE_NS = 60 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class RuleScore:
    """How a service keeps to one rule: items that broke it, and their share of those it is about."""

    rule: str
    requirement: str
    breached: int
    share: float
    example: str


@dataclass(frozen=True, slots=True)
class ServiceScore:
    """A service's score; ``rules`` are those that it broke, the costliest first."""

    service: str
    team: str
    items: dict[str, int]
    """Spans, log records and series seen, by signal."""
    score: float
    grade: Grade
    before: float | None
    """The score of the time before, which was as long; None where nothing came."""
    rules: tuple[RuleScore, ...]


@dataclass(slots=True)
class _Seen:
    """What is known of a service in one of both times."""

    items: dict[str, int] = field(default_factory=dict)
    breaches: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    """By signal and rule: items and an example."""


async def scorecard(
    engine: Engine,
    tenant: str,
    config: TaggingConfig,
    window: tuple[int, int],
    limits: QueryLimits,
    *,
    service: str = "",
) -> list[ServiceScore]:
    """Return the scores of services in a time in nanoseconds, in whole minutes, the worst first."""
    start = window[0] // _MINUTE_NS * _MINUTE_NS
    length = max(window[1] - start, _MINUTE_NS)
    both = (max(start - length, 0), window[1])
    now: dict[str, _Seen] = {}
    before: dict[str, _Seen] = {}
    for sql, conditions in (_items(tenant, both, service), _series(tenant, both, service)):
        at = conditions.bind("Int64", start)
        for row in await engine.rows(conditions.statement(sql.format(start=at)), limits):
            seen = (now if row["is_now"] else before).setdefault(row["service"], _Seen())
            seen.items[row["signal"]] = row["items"]
    conditions = Conditions(tenant)
    minutes(conditions, both)
    _of(conditions, service)
    at = conditions.bind("Int64", start)
    for row in await engine.rows(conditions.statement(_BREACHES.format(where=conditions.where, start=at)), limits):
        seen = (now if row["is_now"] else before).setdefault(row["service"], _Seen())
        seen.breaches[row["signal"], row["rule"]] = row["items"], row["example"]
    scored = [_scored(config, name, seen, before.get(name)) for name, seen in now.items() if seen.items]
    return sorted(scored, key=lambda one: (one.score, one.service))


_BREACHES = """
SELECT toString(service) AS service, toString(signal) AS signal, toString(rule) AS rule,
    toUnixTimestamp(minute) * 1000000000 >= {start} AS is_now, sum(f.items) AS items, anyLast(f.example) AS example
FROM findings AS f WHERE {where} AND policy = 'tagging' GROUP BY service, signal, rule, is_now
"""


def _items(tenant: str, window: tuple[int, int], service: str) -> tuple[str, Conditions]:
    conditions = Conditions(tenant)
    conditions.between("received", *window)
    _of(conditions, service)
    return (
        f"""
SELECT toString(service) AS service, toString(signal) AS signal,
    toUnixTimestamp64Nano(received) >= {{start}} AS is_now, sum(i.items) AS items
FROM ingested AS i WHERE {_kept(conditions)} AND signal IN ('traces', 'logs') GROUP BY service, signal, is_now
""",
        conditions,
    )


def _series(tenant: str, window: tuple[int, int], service: str) -> tuple[str, Conditions]:
    conditions = Conditions(tenant)
    conditions.between("last_seen", *window)
    _of(conditions, service, "replaceRegexpOne(labels['job'], '^.*/', '')")
    return (
        f"""
SELECT replaceRegexpOne(labels['job'], '^.*/', '') AS service, 'metrics' AS signal,
    toUnixTimestamp64Milli(last_seen) * 1000000 >= {{start}} AS is_now, uniqExact(fp) AS items
FROM series WHERE {_kept(conditions)} GROUP BY service, signal, is_now HAVING service != ''
""",
        conditions,
    )


def _of(conditions: Conditions, service: str, column: str = "service") -> None:
    if service:
        conditions.add(f"{column} = {{service}}", service=("String", service))


def _kept(conditions: Conditions) -> str:
    """Return the conditions as text that is formatted once more."""
    return conditions.where.replace("{", "{{").replace("}", "}}")


def _scored(config: TaggingConfig, service: str, seen: _Seen, before: _Seen | None) -> ServiceScore:
    team = next((name for name, one in config.teams.items() if any(matches(p, service) for p in one.services)), "")
    score = _score(config, team, seen)
    earlier = _score(config, team, before) if before and before.items else None
    broken = [one for one in _rules(config, team, seen) if one.breached]
    broken.sort(key=lambda one: (-one.share * WEIGHTS[one.requirement], one.rule))
    return ServiceScore(service, team, seen.items, score, grade(score), earlier, tuple(broken))


def _score(config: TaggingConfig, team: str, seen: _Seen) -> float:
    rules = list(_rules(config, team, seen))
    weights = sum(WEIGHTS[one.requirement] for one in rules)
    lost = sum(WEIGHTS[one.requirement] * one.share for one in rules)
    return round(100 * (1 - lost / weights), 2) if weights else 100.0


def _rules(config: TaggingConfig, team: str, seen: _Seen) -> Iterator[RuleScore]:
    """Yield the rules that are about a service: its team's, and those it broke, by whatever it calls its team."""
    for _, rule in config.rules():
        found = [seen.breaches.get((signal, rule.title), (0, "")) for signal in signals_of(rule)]
        breached, items = sum(count for count, _ in found), _items_of(rule, seen)
        if breached or (items and (not rule.teams or team in rule.teams)):
            example = next((shown for _, shown in found if shown), "")
            yield RuleScore(rule.title, rule.requirement, breached, min(breached / max(items, 1), 1.0), example)


def _items_of(rule: AnyRule, seen: _Seen) -> int:
    return sum(seen.items.get(signal, 0) for signal in signals_of(rule))


def grade(score: float) -> Grade:
    """Return the grade of a score."""
    return next((name for lowest, name in GRADES if score >= lowest), "F")
