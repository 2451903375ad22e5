"""Where spans go from ``spans_in``: at once to ``spans``, or to ``spans_waiting`` until their trace is decided on."""

from __future__ import annotations

from backbone.process.sample.compiled import Head, Sampling, Tail
from backbone.process.sample.decide import kept_by
from backbone.process.sample.threshold import by_service, packed, randomness, upstream, with_threshold
from backbone.process.step import KEPT, NOT_STORED
from backbone.process.view import View

BATCH = "getSetting('insert_deduplication_token')"
"""What is written together, by a name that no other group has and that a group has again when it is repeated."""

_CALLS = f"""
SELECT tenant, received, time, trace_id, span_id, parent_span_id, service, kind, status, duration_ns
FROM spans_in WHERE {KEPT} AND kind IN ('server', 'client', 'producer', 'consumer')
"""


def spans_storing(sampling: Sampling) -> tuple[View, ...]:
    """Return the views that write spans."""
    head, is_waited_for = sampling.head, sampling.tail is not None
    rows = _let_through(head) if head else f"SELECT * EXCEPT ({NOT_STORED}) FROM spans_in WHERE {KEPT}"
    store = View("spans_store", "spans", rows)
    if is_waited_for:
        store = View("spans_store", "spans_waiting", f"SELECT {BATCH} AS batch, * FROM ({rows})")
    calls = (View("spans_calls", "calls", _CALLS),) if sampling.of_traces else ()
    return (store, *calls, *((_left_out(head),) if head else ()))


def kept_traces(tail: Tail, head: Head | None, spans: str) -> str:
    """Return the select of ``tenant`` and ``trace_id`` of what tail sampling would keep of spans as in ``spans_in``."""
    came = f"SELECT * FROM ({spans}) WHERE {KEPT}{f' AND NOT {_is_left_out(head)}' if head else ''}"
    return kept_by(tail.policies, came)


def sampled_spans(sampling: Sampling, spans: str, deciding: str) -> str:
    """
    Return the select of spans with what would leave them out as ``sampled``: ``head``, ``tail``, or nothing.

    Args:
        sampling: what is done with traces.
        spans: a select of spans as in ``spans_in``.
        deciding: the same spans, by which traces are decided on.
    """
    rules = [f"NOT ({KEPT}), ''"]
    if sampling.head:
        rules.append(f"{_is_left_out(sampling.head)}, 'head'")
    if sampling.tail:
        rules.append(f"(tenant, trace_id) NOT IN ({kept_traces(sampling.tail, sampling.head, deciding)}), 'tail'")
    return f"SELECT *, multiIf({', '.join(rules)}, '') AS sampled FROM ({spans})"


def _is_left_out(head: Head) -> str:
    return f"({randomness()} < {_thresholds(head)})"


def _thresholds(head: Head) -> str:
    return by_service(head.default, head.services)


def _let_through(head: Head) -> str:
    """
    Return the select of the spans that the thresholds let through, with their threshold in their state.

    A threshold that a span comes with and that its trace's randomness is below says nothing, and is replaced.
    """
    known = f"SELECT *, {randomness()} AS r, {_thresholds(head)} AS ours, {upstream()} AS theirs FROM spans_in"
    stricter = f"ours != {packed('0')} AND (theirs < ours OR theirs > r)"
    state = f"if({stricter}, {with_threshold('ours')}, trace_state)"
    return (
        f"SELECT * EXCEPT (r, ours, theirs, {NOT_STORED}) REPLACE ({state} AS trace_state) "
        f"FROM (SELECT * FROM ({known} WHERE {KEPT}) WHERE r >= ours)"
    )


def _left_out(head: Head) -> View:
    select = f"""
SELECT tenant, toStartOfMinute(received) AS minute, 'traces' AS signal, service, 'sample' AS policy, 'head' AS rule,
    'left out' AS outcome, count() AS items, anyLast(lower(hex(trace_id))) AS example
FROM spans_in WHERE {KEPT} AND {_is_left_out(head)} GROUP BY tenant, minute, service
"""
    return View("spans_head_left_out", "findings", select)
