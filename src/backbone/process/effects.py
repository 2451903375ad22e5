"""
What a policy would do to telemetry that is stored: its steps as a SELECT over rows that are there, writing nothing.

Stored rows were governed by the policy of their time: what it left out, renamed or masked is not seen, nor is what it
sampled out. Limits and sampling are no steps over single rows, and are not tried. Series are those of the time and of
the day before it, since one that goes on is written once a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from backbone.process.logs import LOG_ROWS
from backbone.process.policy import Policy
from backbone.process.step import UNGOVERNED, Step, govern, govern_resources, names_of
from backbone.process.traces import SPAN_ROWS
from backbone.query.conditions import Conditions
from backbone.store.engine import Engine, QueryLimits

Signal = Literal["traces", "logs", "metrics"]

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


@dataclass(frozen=True, slots=True)
class Tried:
    """A signal's stored rows under a policy: ``sql`` selects them with what they were in columns ``was_…``."""

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
    compared = ("name", "attributes", "resource", "status_message", "`events.attributes`", "`links.attributes`")
    return _rows(
        "traces",
        "spans",
        names_of(SPAN_ROWS),
        compared,
        (*policy.spans, *policy.redaction.spans),
        _between(tenant, window, "time"),
    )


def _logs(tenant: str, policy: Policy, window: tuple[int, int]) -> Tried:
    compared = ("body", "attributes", "resource")
    return _rows(
        "logs",
        "logs",
        names_of(LOG_ROWS),
        compared,
        (*policy.logs, *policy.redaction.logs),
        _between(tenant, window, "time"),
    )


def _between(tenant: str, window: tuple[int, int], column: str) -> Conditions:
    conditions = Conditions(tenant)
    conditions.between(column, *window)
    return conditions


def _rows(
    signal: Signal,
    table: str,
    columns: Sequence[str],
    compared: tuple[str, ...],
    steps: Sequence[Step],
    conditions: Conditions,
) -> Tried:
    stored = ", ".join(column for column in columns if column not in _GOVERNED)
    was = [Tried.was(column) for column in compared]
    before = ", ".join(f"{column} AS {name}" for column, name in zip(compared, was, strict=True))
    select = f"SELECT {stored}, {before}, {UNGOVERNED} FROM {table} WHERE {conditions.where}"
    all_columns = [*columns, *was]
    governed = govern(govern_resources(select, all_columns, steps), all_columns, steps)
    return Tried(signal, governed, conditions, compared)


def _series(tenant: str, policy: Policy, window: tuple[int, int]) -> Tried:
    conditions = _between(tenant, (max(window[0] - _DAY_NS, 0), window[1]), "last_seen")
    labels = "mapKeys(labels) AS label_names, mapValues(labels) AS label_values"
    # A row for each day a series is seen, with its first time of that day: what lives now has one of the last day.
    one = f"SELECT tenant, metric, labels, unit, fp FROM series WHERE {conditions.where} LIMIT 1 BY fp"
    select = (
        f"SELECT tenant, toString(metric) AS metric, {labels}, toLowCardinality(unit) AS unit, "
        "replaceRegexpOne(labels['job'], '^.*/', '') AS service, "
        f"label_names AS was_label_names, label_values AS was_label_values, {UNGOVERNED} FROM ({one})"
    )
    compared = ("label_names", "label_values")
    columns = ["tenant", "metric", *compared, "unit", "service", *map(Tried.was, compared)]
    governed = govern(select, [*columns, *_GOVERNED], policy.series)
    return Tried("metrics", governed, conditions, compared)


def _summed(tried: Tried, policy: Policy) -> str:
    changed = " + ".join(f"({column} != {tried.was(column)})" for column in tried.compared)

    def counts(bits: str, rules: Sequence[str]) -> str:
        return f"sumForEach(arrayMap(bit -> toUInt64(bitTest({bits}, bit)), range({max(len(rules), 1)})))"

    return f"""
SELECT toString(service) AS service, count() AS items, countIf({changed} > 0) AS changed,
    countIf(dropped != '') AS dropped_items, countIf(refused != '') AS refused_items,
    {counts("breaches", policy.breaches)} AS broken, {counts("redactions", policy.redaction.names)} AS redacted
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
    )
