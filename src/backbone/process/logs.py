"""Log records: from the wire to the table ``logs``."""

from __future__ import annotations

from backbone.process.findings import findings
from backbone.process.ingested import ingested
from backbone.process.policy import Policy
from backbone.process.sample.logs import logs_storing
from backbone.process.step import GOVERNED, names_of
from backbone.process.unpack import judging, unpack
from backbone.process.view import Pipeline
from backbone.store.wire.columns import LOG_COLUMNS

LOG_ROWS = f"{LOG_COLUMNS}, {GOVERNED}"
_EXAMPLE = "if(trace_id = toFixedString('', 16), '', lower(hex(trace_id)))"


def unpack_logs(policy: Policy, wire: str = "wire_logs") -> str:
    """Return the select of log records as they came, with what the policy does with their resources."""
    return unpack(wire, names_of(LOG_COLUMNS), policy.logs)


def logs_pipeline(kept_seconds: int, policy: Policy) -> Pipeline:
    """Return the steps from ``wire_logs`` to the table of log records."""
    evidence = policy.evidence.get("logs", _EXAMPLE)
    counted = (
        findings("logs", "logs_in", "tagging", "breaches", policy.breaches, evidence),
        findings("logs", "logs_in", "redact", "redactions", policy.redaction.names, _EXAMPLE),
    )
    counting = (
        ingested("logs", "logs_in", refused="refused", kept_seconds=kept_seconds),
        *filter(None, counted),
    )
    judged = judging("logs", LOG_ROWS, unpack_logs(policy), policy.logs)
    return judged + Pipeline((), counting) + logs_storing(policy.sampling, LOG_COLUMNS)
