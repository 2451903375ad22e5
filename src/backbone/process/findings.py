"""What policy found and did, counted by minute, service and rule, with one example each."""

from __future__ import annotations

from collections.abc import Sequence

from backbone.process.literals import listed
from backbone.process.step import KEPT
from backbone.process.view import View


def findings(signal: str, rows: str, policy: str, bits: str, rules: Sequence[str], example: str) -> View | None:
    """
    Return the view that counts which rules found something, or none where there are no rules.

    Args:
        signal: traces, logs or metrics.
        rows: the table of unpacked rows.
        policy: what the rules are of: ``tagging`` or ``redact``.
        bits: the column of `backbone.process.step.GOVERNED` that holds a bit for each rule.
        rules: what each bit stands for.
        example: an expression that tells which row was an example; it may hold nothing that is redacted.
    """
    if not rules:
        return None
    select = f"""
SELECT tenant, toStartOfMinute(received) AS minute, '{signal}' AS signal, service, '{policy}' AS policy,
    [{listed(rules)}][bit + 1] AS rule, if({KEPT}, 'kept', 'left out') AS outcome, count() AS items,
    anyLast(toString({example})) AS example
FROM (SELECT *, arrayJoin(bitPositionsToArray({bits})) AS bit FROM {rows} WHERE {bits} != 0)
GROUP BY tenant, minute, service, rule, outcome
"""
    return View(f"{rows.removesuffix('_in')}_{bits}", "findings", select)
