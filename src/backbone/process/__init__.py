"""
What happens to telemetry between the wire and the tables, as the SQL of materialized views.

Each signal flows wire → ``*_in`` → tables: the first view unpacks the wire's shape into flat rows of a table that keeps
nothing, the next ones write them. Policy (`policy`) is part of the first, so that nothing behind it sees what was sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from backbone.process.faults import faults_query
from backbone.process.logs import logs_pipeline
from backbone.process.metrics import metrics_pipeline
from backbone.process.policy import Policy, compile_policy
from backbone.process.remote_write import REMOTE_WRITE
from backbone.process.sample.logs import logs_storing
from backbone.process.sample.spans import spans_storing
from backbone.process.sample.statements import KEPT_TRACES
from backbone.process.sample.sweep import Sweeper
from backbone.process.samples import samples_pipeline
from backbone.process.series import series_pipeline
from backbone.process.step import names_of
from backbone.process.traces import traces_pipeline
from backbone.process.view import Passage, Pipeline, Recall, View
from backbone.store.engine import Engine
from backbone.store.wire.columns import LOG_COLUMNS, SPAN_COLUMNS

__all__ = [
    "Passage",
    "Pipeline",
    "Policy",
    "Recall",
    "Sweeper",
    "View",
    "compile_policy",
    "faults_query",
    "pipeline",
    "storing",
    "sweeper",
]


def pipeline(policy: Policy, *, traces_kept_seconds: int = 0, logs_kept_seconds: int = 0) -> Pipeline:
    """Return all steps of all doors; what is older than it is kept is counted as expired, 0 is kept for ever."""
    doors = (
        traces_pipeline(traces_kept_seconds, policy),
        logs_pipeline(logs_kept_seconds, policy),
        metrics_pipeline(policy),
        REMOTE_WRITE,
        samples_pipeline(),
    )
    # What waits when a policy no longer samples is let go of all the same.
    recalls = (*policy.redaction.recalls, KEPT_TRACES)
    return sum(doors, start=Pipeline((), (), recalls) + series_pipeline(policy))


def storing(policy: Policy, signal: str) -> Sequence[View]:
    """Return the views that write a signal's rows where the policy samples them; none where all are kept."""
    if signal == "traces" and policy.sampling.of_traces:
        return spans_storing(policy.sampling)
    if signal == "logs" and policy.sampling.log_rules:
        return logs_storing(policy.sampling, LOG_COLUMNS).views
    return ()


def sweeper(engine: Engine, policy: Policy) -> Sweeper:
    """Return what decides on the traces that wait, if the policy lets them."""
    return Sweeper(engine, policy.sampling.tail, names_of(SPAN_COLUMNS), names_of(LOG_COLUMNS))
