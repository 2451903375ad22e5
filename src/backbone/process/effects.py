"""
What a policy would do to telemetry that is stored: its steps as a SELECT over rows that are there, writing nothing.

Stored rows were governed by the policy of their time: what it left out, renamed or masked is not seen, nor is what it
sampled out. Traces are decided on by their spans of the time, and budgets asked as if none of its series was there
before. Series are those of the time and of the day before it, since one that goes on is written once a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from backbone.process.logs import LOG_ROWS
from backbone.process.policy import Policy
from backbone.process.sample.logs import sampled_logs
from backbone.process.sample.spans import sampled_spans
from backbone.process.series import UNJUDGED, limits_anew
from backbone.process.step import (
    NAMES,
    NAMES_OF_STORED,
    UNGOVERNED,
    Step,
    asked,
    govern,
    govern_resources,
    names_of,
)
from backbone.process.traces import SPAN_ROWS
from backbone.query.conditions import Conditions
from backbone.store.engine import Engine, QueryLimits

Signal = Literal["traces", "logs", "metrics"]

_OF_SPANS = ("name", "attributes", "resource", "status_message", "`events.attributes`", "`links.attributes`")
_OF_LOGS = ("body", "attributes", "resource")
_OF_SERIES = ("label_names", "label_values")
_JUDGED = ("verdict", "admitted", "place", "fresh")
_GOVERNED = ("breaches", "redactions", "dropped", "refused")
_DAY_NS = 86_400 * 10**9
# Steps one after the other are planned as they are: merged, names of their expressions grow with each.
SETTINGS = "SETTINGS query_plan_merge_expressions = 0"


@dataclass(frozen=True, slots=True)
class Effect:
    """What becomes of a service's items of one signal; series count once."""

    signal: Signal
    service: str
    items: int
    changed: int
    """Those whose attributes, names or texts are not what they were."""
    dropped: int
    refused: int
    breaches: dict[str, int]
    """Items by rule of tagging."""
    redactions: dict[str, int]
    """Items by rule of redaction."""
    sampled_out: dict[str, int]
    """Spans and log records that sampling leaves out, by its rule; ``head`` and ``tail`` for spans."""
    over_limit: dict[str, int]
    """Series that are over a limit or a budget, by which."""


@dataclass(frozen=True, slots=True)
class Tried:
    """
    A signal's stored rows under a policy: ``sql`` selects them with what they were in columns ``was_…``, and with what
    leaves them out besides steps as ``left_out_by``: a rule of sampling, or of series a limit.
    """

    signal: Signal
    sql: str
    conditions: Conditions
    compared: tuple[str, ...]

    @staticmethod
    def was(column: str) -> str:
        """Return the column that holds what *column* was."""
        return f"was_{column.strip('`').replace('.', '_')}"


async def effects(
    engine: Engine, tenant: str, policy: Policy, window: tuple[int, int], limits: QueryLimits
) -> list[Effect]:
    """Return what a policy would do to what is stored of a time in nanoseconds, by signal and service."""
    found = []
    for tried in tries(tenant, policy, window):
        statement = tried.conditions.statement(_summed(tried, policy))
        # The statement reads; that it may set how it is planned makes it no statement that is read-only to the engine.
        rows = await engine.rows(statement, replace(limits, read_only=False))
        found += [_effect(tried.signal, policy, row) for row in rows]
    return found


def tries(tenant: str, policy: Policy, window: tuple[int, int]) -> tuple[Tried, Tried, Tried]:
    """Return the selects of all signals."""
    return _spans(tenant, policy, window), _logs(tenant, policy, window), _series(tenant, policy, window)


def _spans(tenant: str, policy: Policy, window: tuple[int, int]) -> Tried:
    conditions = _between(tenant, window, "time")
    rows = _governed_spans(policy, policy.redaction.spans, conditions)
    sampled = sampled_spans(policy.sampling, rows, _deciding_spans(policy, conditions))
    return Tried("traces", _left_out_by("sampled", sampled), conditions, _OF_SPANS)


def _logs(tenant: str, policy: Policy, window: tuple[int, int]) -> Tried:
    conditions = _between(tenant, window, "time")
    rows = _governed(
        "logs", names_of(LOG_ROWS), _OF_LOGS, (*policy.renaming, *policy.logs, *policy.redaction.logs), conditions
    )
    sampled = sampled_logs(policy.sampling, rows, _deciding_spans(policy, conditions))
    return Tried("logs", _left_out_by("sampled", sampled), conditions, _OF_LOGS)


def _deciding_spans(policy: Policy, conditions: Conditions) -> str:
    """Return the spans by which traces are decided on: as redaction left them when they came, for it takes long."""
    return _governed_spans(policy, (), conditions)


def _governed_spans(policy: Policy, redaction: Sequence[Step], conditions: Conditions) -> str:
    steps = (*policy.renaming, *policy.spans, *redaction)
    return _governed("spans", names_of(SPAN_ROWS), _OF_SPANS, steps, conditions)


def _left_out_by(column: str, select: str) -> str:
    return f"SELECT * EXCEPT {column}, toString({column}) AS left_out_by FROM ({select})"


def _between(tenant: str, window: tuple[int, int], column: str) -> Conditions:
    conditions = Conditions(tenant)
    conditions.between(column, *window)
    return conditions


def _governed(
    table: str, columns: Sequence[str], compared: tuple[str, ...], steps: Sequence[Step], conditions: Conditions
) -> str:
    stored = ", ".join(column for column in columns if column not in _GOVERNED)
    was = [Tried.was(column) for column in compared]
    before = ", ".join(f"{column} AS {name}" for column, name in zip(compared, was, strict=True))
    select = (
        f"SELECT {stored}, {before}, {NAMES_OF_STORED} AS {NAMES}, {UNGOVERNED} FROM {table} WHERE {conditions.where}"
    )
    all_columns = [*columns, *was]
    return govern(govern_resources(select, [*all_columns, *asked(steps)], steps), all_columns, steps)


def _series(tenant: str, policy: Policy, window: tuple[int, int]) -> Tried:
    conditions = _between(tenant, (max(window[0] - _DAY_NS, 0), window[1]), "last_seen")
    labels = "mapKeys(labels) AS label_names, mapValues(labels) AS label_values"
    # A row for each day a series is seen, with its first time of that day: what lives now has one of the last day.
    one = f"SELECT tenant, metric, labels, unit, fp, id, first_seen FROM series WHERE {conditions.where} LIMIT 1 BY fp"
    select = (
        f"SELECT tenant, first_seen AS received, toString(metric) AS metric, id, fp, {labels}, "
        "toLowCardinality(unit) AS unit, replaceRegexpOne(labels['job'], '^.*/', '') AS service, "
        f"label_names AS was_label_names, label_values AS was_label_values, {UNGOVERNED}, {UNJUDGED} FROM ({one})"
    )
    was = [Tried.was(column) for column in _OF_SERIES]
    columns = ["tenant", "received", "metric", "id", "fp", *_OF_SERIES, "unit", "service", *was, *_GOVERNED, *_JUDGED]
    governed = govern(select, columns, (*policy.series, *policy.redaction.series, *limits_anew(policy, columns)))
    limited = f"SELECT * REPLACE (if(verdict = 'policy', '', toString(verdict)) AS verdict) FROM ({governed})"
    return Tried("metrics", _left_out_by("verdict", limited), conditions, _OF_SERIES)


def _summed(tried: Tried, policy: Policy) -> str:
    changed = " + ".join(f"({column} != {tried.was(column)})" for column in tried.compared)

    def counts(bits: str, rules: Sequence[str]) -> str:
        return f"sumForEach(arrayMap(bit -> toUInt64(bitTest({bits}, bit)), range({max(len(rules), 1)})))"

    return f"""
SELECT toString(service) AS service, count() AS items, countIf({changed} > 0) AS changed,
    countIf(dropped != '') AS dropped_items, countIf(refused != '') AS refused_items,
    {counts("breaches", policy.breaches)} AS broken, {counts("redactions", policy.redaction.names)} AS redacted,
    sumMapIf(map(left_out_by, 1), left_out_by != '') AS left_out
FROM ({tried.sql}) GROUP BY service ORDER BY service {SETTINGS}
"""


def _effect(signal: Signal, policy: Policy, row: dict[str, Any]) -> Effect:
    return Effect(
        signal,
        row["service"],
        row["items"],
        row["changed"],
        row["dropped_items"],
        row["refused_items"],
        {name: count for name, count in zip(policy.breaches, row["broken"], strict=False) if count},
        {name: count for name, count in zip(policy.redaction.names, row["redacted"], strict=False) if count},
        {} if signal == "metrics" else row["left_out"],
        row["left_out"] if signal == "metrics" else {},
    )
