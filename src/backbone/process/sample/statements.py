"""
What a sweep says to the engine: which waiting rows go where, and what is counted of the others.

Parameters: ``batches``, all that are looked at; ``fresh``, those not looked at before; ``about``, those and the ones
that are let go of; ``batch``, one of the latter; ``now_ns``, the time of the decisions that this sweep made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backbone.process.sample.threshold import weight_threshold, with_threshold
from backbone.process.view import Recall

_NOW = "fromUnixTimestamp64Nano({now_ns:Int64}, 'UTC')"
# One block as far as memory allows, so that a trace is there as a whole; indexes are built by merges.
_INSERTING = (
    "SETTINGS max_threads = 1, max_insert_threads = 1, min_insert_block_size_rows = 1000000, "
    "min_insert_block_size_bytes = 134217728, materialize_skip_indexes_on_insert = 0"
)

BATCHES = """
SELECT table, partition AS batch, partition_id AS id, sum(rows) AS items FROM system.parts
WHERE active AND database = currentDatabase() AND table IN ('spans_waiting', 'logs_waiting')
GROUP BY table, partition, partition_id ORDER BY min(modification_time), min(min_block_number)
"""

EXPIRED = f"""
SELECT DISTINCT partition_id AS id FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'decisions'
    AND toDateTime(partition, 'UTC') + 300 < {_NOW} - toIntervalNanosecond({{keep_ns:Int64}})
"""

KEPT_TRACES = Recall(
    "kept_traces", "tenant LowCardinality(String), trace_id FixedString(16), weight Float64, is_new Bool", "Memory", ""
)
"""The traces that a sweep holds rows against."""

GATHER = f"""
INSERT INTO kept_traces
SELECT tenant, trace_id, max(weight), max(decided = {_NOW}) FROM decisions
WHERE kept AND (decided = {_NOW} OR trace_id IN (
    SELECT trace_id FROM spans_waiting WHERE batch IN {{about:Array(String)}}
    UNION ALL SELECT trace_id FROM logs_waiting WHERE batch IN {{about:Array(String)}}
))
GROUP BY tenant, trace_id
"""
"""
Of all decisions, of which there are millions, those that a sweep is about: they are looked through once.

What is new was decided on now, so that rows of any batch may be waiting for it.
"""

RELEASE = f"""
INSERT INTO decisions (tenant, trace_id, kept, rule, weight, decided)
SELECT DISTINCT tenant, trace_id, 1, 'released', 1, {_NOW}
FROM (SELECT tenant, trace_id FROM spans_waiting UNION ALL SELECT tenant, trace_id FROM logs_waiting)
WHERE (tenant, trace_id) NOT IN (SELECT tenant, trace_id FROM decisions)
"""
"""Keeps all that waits."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A table in which rows wait, and where those go that are kept."""

    signal: str
    table: str
    target: str
    columns: Sequence[str]
    key: str
    """What tells rows apart, so far as that is needed to see whether they were moved before."""
    rule: str
    """What leaves rows out."""

    @property
    def move(self) -> str:
        """Move the rows of traces that were decided on now, and fresh rows of those decided on before."""
        return self._move(
            "batch IN {batches:Array(String)} AND trace_id IN (SELECT trace_id FROM kept_traces WHERE is_new) "
            "OR batch IN {fresh:Array(String)} AND trace_id IN (SELECT trace_id FROM kept_traces)"
        )

    @property
    def move_again(self) -> str:
        """Move all rows of kept traces that were not moved before: what a crash or an error may have left."""
        kept = "(SELECT trace_id FROM kept_traces)"
        return self._move(
            f"batch IN {{batches:Array(String)}} AND trace_id IN {kept} AND (tenant, {self.key}) NOT "
            f"IN (SELECT tenant, {self.key} FROM {self.target} WHERE trace_id IN {kept})"
        )

    @property
    def count_left_out(self) -> str:
        """Count the rows of a batch whose traces are not kept."""
        example = "anyLast(lower(hex(trace_id)))" if self.signal == "traces" else "''"
        return f"""
INSERT INTO findings (tenant, minute, signal, service, policy, rule, outcome, items, example)
SELECT tenant, toStartOfMinute(received) AS minute, '{self.signal}', service, 'sample', {self.rule} AS left_out_by,
    'left out', count(), {example}
FROM {self.table}
WHERE batch = {{batch:String}} AND (tenant, trace_id) NOT IN (SELECT tenant, trace_id FROM kept_traces)
GROUP BY tenant, minute, service, left_out_by
"""

    @property
    def count_early(self) -> str:
        """Count the rows of a batch that is decided on before its time."""
        return f"""
INSERT INTO findings (tenant, minute, signal, service, policy, rule, outcome, items, example)
SELECT tenant, toStartOfMinute(received) AS minute, '{self.signal}', service, 'sample', 'max_spans',
    'decided early', count(), ''
FROM {self.table} WHERE batch = {{batch:String}} GROUP BY tenant, minute, service
"""

    def _move(self, where: str) -> str:
        """Return the statement that moves rows."""
        columns = ", ".join(self.columns)
        if self.signal != "traces":
            return (
                f"INSERT INTO {self.target} ({columns}) SELECT {columns} FROM {self.table} "
                f"WHERE ({where}) AND (tenant, trace_id) IN (SELECT tenant, trace_id FROM kept_traces) {_INSERTING}"
            )
        stricter = f"if(decided_weight > weight, {with_threshold('decided_threshold')}, trace_state)"
        selected = columns.replace("trace_state,", f"{stricter},", 1)
        return f"""
INSERT INTO {self.target} ({columns}, weight) SELECT {selected}, greatest(weight, decided_weight)
FROM (SELECT * FROM {self.table} WHERE {where}) AS waiting
INNER JOIN (
    SELECT tenant, trace_id, weight AS decided_weight, {weight_threshold("decided_weight")} AS decided_threshold
    FROM kept_traces
) AS decision USING (tenant, trace_id)
{_INSERTING}
"""


def once(statement: str, token: str) -> str:
    """Return the insert as one that changes nothing when it is repeated."""
    return (
        f"{statement} SETTINGS insert_deduplicate = 1, insert_select_deduplicate = 1, max_threads = 1, "
        f"insert_deduplication_token = '{token}'"
    )


def spans_waiting(columns: Sequence[str]) -> Waiting:
    return Waiting("traces", "spans_waiting", "spans", columns, "received, trace_id, span_id, time", "'tail'")


def logs_waiting(columns: Sequence[str]) -> Waiting:
    key = "received, trace_id, span_id, time, severity, body"
    return Waiting("logs", "logs_waiting", "logs", columns, key, "logs_waiting.rule")
