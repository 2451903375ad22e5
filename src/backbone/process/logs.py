"""Log records: from the wire to the table ``logs``."""

from __future__ import annotations

from backbone.process.findings import findings
from backbone.process.ingested import ingested
from backbone.process.policy import Policy
from backbone.process.sample.logs import logs_storing
from backbone.process.step import GOVERNED, govern, names_of
from backbone.process.unpack import unpack
from backbone.process.view import Passage, Pipeline, View
from backbone.store.wire.columns import LOG_COLUMNS

LOG_ROWS = f"{LOG_COLUMNS}, {GOVERNED}"
_EXAMPLE = "if(trace_id = toFixedString('', 16), '', lower(hex(trace_id)))"


def unpack_logs(policy: Policy, wire: str = "wire_logs") -> str:
    """Return the select of log records as they came, with what the policy does with their resources."""
    return unpack(wire, names_of(LOG_COLUMNS), policy.logs)


def logs_pipeline(kept_seconds: int, policy: Policy) -> Pipeline:
    """Return the steps from ``wire_logs`` to the table of log records."""
    unpacked = unpack_logs(policy)
    evidence = policy.evidence.get("logs", _EXAMPLE)
    counted = (
        findings("logs", "logs_in", "tagging", "breaches", policy.breaches, evidence),
        findings("logs", "logs_in", "redact", "redactions", policy.redaction.names, _EXAMPLE),
    )
    unpacking = Pipeline(
        passages=(Passage("logs_in", LOG_ROWS),),
        views=(
            View("logs_unpack", "logs_in", govern(unpacked, names_of(LOG_ROWS), policy.logs)),
            ingested("logs", "logs_in", refused="refused", kept_seconds=kept_seconds),
            *filter(None, counted),
        ),
    )
    return unpacking + logs_storing(policy.sampling, LOG_COLUMNS)
