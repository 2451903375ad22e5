"""
Where log records go from ``logs_in``: to ``logs``, nowhere, or to ``logs_waiting`` until their trace is decided on.

A record belongs to the first rule that is about it. What the rule leaves out is kept all the same when its trace is:
at once where that is known from its trace's id, or else when the trace is decided on.
"""

from __future__ import annotations

from collections.abc import Sequence

from backbone.config.policy.sample import LogRule
from backbone.process.literals import literal, literals
from backbone.process.sample.compiled import Sampling
from backbone.process.sample.spans import BATCH, kept_traces
from backbone.process.sample.threshold import id_randomness, packed, threshold
from backbone.process.step import KEPT, NOT_STORED
from backbone.process.view import Passage, Pipeline, Recall, View

_SEVERITIES = {"debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
"""The least severity number of each name. Source: OpenTelemetry logs data model, "Field: SeverityNumber"."""
_JUDGED = "rule UInt8, rate UInt64, second UInt32, nth UInt64, left_out UInt8"
_OWN = "rule, rate, second, nth, left_out"
_TRACED = "trace_id != toFixedString('', 16)"
# How many records of a second came before this group stands in memory.
_KEPT_BEFORE = " + if(joinGet('log_rates', 'second', rate) = second, joinGet('log_rates', 'kept', rate), 0)"
_RATES = """
SELECT key, newest.1 AS second, newest.2 AS kept
FROM (SELECT rate AS key, max((second, nth)) AS newest FROM logs_sampled WHERE rate != 0 GROUP BY key)
"""


def logs_storing(sampling: Sampling, columns: str) -> Pipeline:
    """
    Return the steps that write log records.

    Args:
        columns: those of a record, as for a table.
    """
    if not sampling.log_rules:
        store = View("logs_store", "logs", f"SELECT * EXCEPT ({NOT_STORED}) FROM logs_in WHERE {KEPT}")
        return Pipeline((), (store,))
    names = literals(rule.name for rule in sampling.log_rules)
    waits = _waits(sampling)
    passed = f"SELECT * EXCEPT ({_OWN})"
    came = f"SELECT * EXCEPT ({NOT_STORED}), {_rule(sampling.log_rules)} AS rule FROM logs_in WHERE {KEPT}"
    views = [
        View("logs_sample", "logs_sampled", _judged(sampling, came, _KEPT_BEFORE)),
        View("logs_store", "logs", f"{passed} FROM logs_sampled WHERE NOT left_out"),
        View("logs_left_out", "findings", _left_out(names, waits)),
    ]
    if sampling.tail:
        waiting = f"SELECT {BATCH} AS batch, {names}[rule] AS rule, * EXCEPT ({_OWN}) FROM logs_sampled"
        views.append(View("logs_wait", "logs_waiting", f"{waiting} WHERE left_out AND {waits}"))
    recalls: tuple[Recall, ...] = ()
    if any(rule.per_second for rule in sampling.log_rules):
        views.append(View("logs_rates", "log_rates", _RATES))
        engine = "Join(ANY, LEFT, key) SETTINGS join_any_take_last_row = 1, persistent = 0"
        recalls = (Recall("log_rates", "key UInt64, second UInt32, kept UInt64", engine, ""),)
    return Pipeline((Passage("logs_sampled", f"{columns}, {_JUDGED}"),), tuple(views), recalls)


def _waits(sampling: Sampling) -> str:
    """Return the condition that what is left out may belong to a trace that is kept."""
    if sampling.tail is None:
        return "0"
    return f"{_TRACED} AND {_passes_head(sampling)}"


def _passes_head(sampling: Sampling) -> str:
    """Return the condition that spans of a trace may be stored, by its id: in the service that keeps most."""
    return f"{id_randomness()} >= {packed(sampling.head.lowest)}" if sampling.head else "1"


def sampled_logs(sampling: Sampling, records: str, spans: str) -> str:
    """
    Return the select of records with the rule that would leave them out as ``sampled``, '' where none does.

    Args:
        sampling: what is done with log records, and with traces.
        records: a select of records as in ``logs_in``.
        spans: a select of spans as in ``spans_in``, by which traces are decided on.
    """
    if not sampling.log_rules:
        return f"SELECT *, '' AS sampled FROM ({records})"
    ruled = f"SELECT *, if({KEPT}, {_rule(sampling.log_rules)}, 0) AS rule FROM ({records})"
    left_out = "left_out"
    if sampling.tail:
        kept = kept_traces(sampling.tail, sampling.head, spans)
        left_out += f" AND NOT ({_waits(sampling)} AND (tenant, trace_id) IN ({kept}))"
    name = f"{literals(rule.name for rule in sampling.log_rules)}[rule]"
    return f"SELECT * EXCEPT ({_OWN}), if({left_out}, {name}, '') AS sampled FROM ({_judged(sampling, ruled)})"


def _rule(rules: Sequence[LogRule]) -> str:
    """Return the number of the rule that a record belongs to, from 1, or 0."""
    return f"multiIf({', '.join(f'{_about(rule)}, {number}' for number, rule in enumerate(rules, 1))}, 0)"


def _judged(sampling: Sampling, ruled: str, kept_before: str = "") -> str:
    """Return the select of records with their rule, and whether that leaves them out."""
    rules = sampling.log_rules
    limited = [number for number, rule in enumerate(rules, 1) if rule.per_second]
    nothing = f"SELECT *, 0 AS rate, 0 AS second, 0 AS nth FROM ({ruled})"
    select = _counted(ruled, limited, kept_before) if limited else nothing
    outcomes = ", ".join(f"rule = {number}, {_leaves_out(rule)}" for number, rule in enumerate(rules, 1))
    left_out = f"multiIf({outcomes}, 0)"
    if sampling.tail is None:
        # Without a decision to wait for, a trace is kept when its id says so, or when all are.
        left_out = f"if({_TRACED} AND {_passes_head(sampling)}, 0, {left_out})"
    return f"SELECT *, {left_out} AS left_out FROM ({select})"


def _about(rule: LogRule) -> str:
    tests = []
    if rule.match.services:
        tests.append(f"has({literals(rule.match.services)}, service)")
    if rule.match.severity_below:
        tests.append(f"severity BETWEEN 1 AND {_SEVERITIES[rule.match.severity_below] - 1}")
    if rule.match.pattern:
        tests.append(f"match(body, {literal(rule.match.pattern.pattern)})")
    return " AND ".join(tests) or "1"


def _counted(select: str, limited: list[int], kept_before: str) -> str:
    """Return the select with which record of its second of receipt each one is, of its service and rule."""
    rate = f"if(rule IN ({', '.join(map(str, limited))}), cityHash64(toString(tenant), toString(service), rule), 0)"
    return (
        f"SELECT *, if(rate = 0, 0, row_number() OVER (PARTITION BY rate, second){kept_before}) AS nth "
        f"FROM (SELECT *, {rate} AS rate, toUnixTimestamp(received) AS second FROM ({select}))"
    )


def _leaves_out(rule: LogRule) -> str:
    if rule.drop:
        return "1"
    if rule.per_second:
        return f"nth > {rule.per_second}"
    assert rule.ratio is not None
    # The same of a repeated group: chance that is no chance. Records of one trace are kept together.
    own = "substring(reinterpretAsString(cityHash64(body, time, received)), 1, 7)"
    chance = f"if({_TRACED}, {id_randomness()}, rightPad({own}, 7, '\\0'))"
    return f"{chance} < {packed(threshold(rule.ratio))}"


def _left_out(names: str, waits: str) -> str:
    return f"""
SELECT tenant, toStartOfMinute(received) AS minute, 'logs' AS signal, service, 'sample' AS policy,
    {names}[rule] AS rule, 'left out' AS outcome, count() AS items, '' AS example
FROM (SELECT tenant, received, service, trace_id, logs_sampled.rule AS rule FROM logs_sampled
    WHERE left_out AND NOT ({waits}))
GROUP BY tenant, minute, service, rule
"""
