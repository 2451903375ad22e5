"""What policy found and did, counted by minute, service and rule, with one example each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backbone.process.literals import listed
from backbone.process.step import KEPT
from backbone.process.view import View

_SHOWN: Mapping[str, Sequence[str]] = {
    "traces": ("trace_id", "attributes", "resource"),
    "logs": ("trace_id", "attributes", "resource"),
    "metrics": ("metric", "label_names", "label_values"),
}
"""The columns that examples are made of."""


def findings(signal: str, rows: str, policy: str, bits: str, rules: Sequence[str], example: str) -> View | None:
    """
    Return the view that counts which rules found something, or none where there are no rules.

    Args:
        signal: traces, logs or metrics.
        rows: the table of unpacked rows.
        policy: what the rules are of: ``tagging`` or ``redact``.
        bits: the column of `backbone.process.step.GOVERNED` that holds a bit for each rule.
        rules: what each bit stands for.
        example: an expression over `_SHOWN` that tells which row was an example; it may hold nothing that is redacted.
    """
    if not rules:
        return None
    # Items that break the same rules are put together before each of these is looked at, and one is shown of them all.
    together = f"""
SELECT tenant, toStartOfMinute(received) AS minute, service, {bits}, {KEPT} AS is_kept, count() AS number,
    {", ".join(f"any({column}) AS {column}" for column in _SHOWN[signal])}
FROM {rows} WHERE {bits} != 0 GROUP BY tenant, minute, service, {bits}, is_kept
"""
    select = f"""
SELECT tenant, minute, '{signal}' AS signal, service, '{policy}' AS policy, [{listed(rules)}][bit + 1] AS rule,
    if(is_kept, 'kept', 'left out') AS outcome, number AS items, toString({example}) AS example
FROM (SELECT *, arrayJoin(bitPositionsToArray({bits})) AS bit FROM ({together}))
"""
    return View(f"{rows.removesuffix('_in')}_{bits}", "findings", select)
