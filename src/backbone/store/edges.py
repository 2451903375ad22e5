"""
Calls between services, by minute: server spans joined to the client spans that are their parents.

A view cannot do it, since the two spans of a call come in different requests. So a minute is summed up once, when its
spans have had time to come; those that come later still are in no edge.
"""

from __future__ import annotations

from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.store.engine import Engine, Statement

SETTLED_AFTER_SECONDS = 150
"""After its start, a minute is taken to be complete."""

_MINUTE_NS = 60 * NANOSECONDS_PER_SECOND
_CAUGHT_UP_SECONDS = 86_400
"""How long ago a minute may be that was not summed up because no server ran."""
_CAUGHT_UP_SECONDS_AT_FIRST = 3_600
"""The same where there are no edges that tell up to when a server ran."""
_CALLS_KEPT_SECONDS = 600


def _at(seconds: str) -> str:
    """
    Return a time of seconds since 1970, as fine as those of spans.

    Against whole seconds, of which the engine makes the former in its index, what lies in the last one is passed over.
    """
    return f"toDateTime64({seconds}, 9, 'UTC')"


def call_spans(columns: str, where: str) -> str:
    """
    Return the select of the spans of calls, stored or not: those that sampling leaves out stand in ``calls``.

    Args:
        columns: columns of ``calls``, which ``spans`` has all.
        where: a condition on such columns.
    """
    identity = "tenant, trace_id, span_id, kind"
    # Which of the spans that are stored stand in `calls` too changes when sampling is switched on or off.
    return (
        f"SELECT {columns} FROM calls WHERE {where} UNION ALL SELECT {columns} FROM spans "  # noqa: S608 - our own
        f"WHERE {where} AND ({identity}) NOT IN (SELECT {identity} FROM calls WHERE {where})"
    )


_SERVED = call_spans(
    "tenant, trace_id, parent_span_id, service, duration_ns, status",
    f"time >= {_at('{minute:UInt32}')} AND time < {_at('{minute:UInt32} + 60')} "
    "AND kind IN ('server', 'consumer') AND parent_span_id != toFixedString('', 8)",
)
_CALLED = call_spans(
    "tenant, trace_id, span_id, service",
    f"time >= {_at('{minute:UInt32} - 60')} AND time < {_at('{minute:UInt32} + 120')} "
    "AND kind IN ('client', 'producer')",
)
_SUM_UP = f"""
INSERT INTO edges
SELECT s.tenant, toDateTime({{minute:UInt32}}, 'UTC'), c.service, s.service,
    toInt16(ceil(log2(greatest(s.duration_ns, 1)) * 8) - 1) AS bucket,
    count(), countIf(s.status = 'error'), sum(s.duration_ns)
FROM ({_SERVED}) AS s
INNER JOIN ({_CALLED}) AS c ON s.tenant = c.tenant AND s.trace_id = c.trace_id AND s.parent_span_id = c.span_id
GROUP BY s.tenant, c.service, s.service, bucket
"""  # noqa: S608 - our own
_MISSED = f"""
WITH (
    SELECT toUnixTimestamp(max(minute)) FROM edges
    WHERE minute >= toDateTime({{settled:UInt32}} - {_CAUGHT_UP_SECONDS}, 'UTC')
) AS last
SELECT DISTINCT toUnixTimestamp(toStartOfMinute(time)) AS minute
FROM ({
    call_spans(
        "time",
        f"time >= {_at(f'{{settled:UInt32}} - {_CAUGHT_UP_SECONDS}')} AND time < {_at('{settled:UInt32}')} "
        "AND kind IN ('server', 'consumer')",
    )
})
WHERE time >= {_at(f"if(last = 0, {{settled:UInt32}} - {_CAUGHT_UP_SECONDS_AT_FIRST}, last + 60)")}
ORDER BY minute
"""  # noqa: S608 - our own
_SUMMED_UP_CALLS = f"""
SELECT DISTINCT partition_id AS id FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'calls'
    AND toUnixTimestamp(toDateTime(partition, 'UTC')) + 600 + {_CALLS_KEPT_SECONDS} < {{next:UInt32}}
"""  # noqa: S608 - our own


class EdgeSums:
    """Sums up minute after minute; at first those that passed while no server ran."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._next: int | None = None
        """The minute that is next, as seconds since 1970."""

    async def sum_up(self, now_ns: int) -> None:
        """Write the edges of all settled minutes that are not written already, and let go of their calls."""
        settled_ns = now_ns - SETTLED_AFTER_SECONDS * NANOSECONDS_PER_SECOND
        settled = settled_ns // _MINUTE_NS * 60
        if self._next is None:
            for row in await self._engine.rows(Statement(_MISSED, {"settled": settled})):
                await self._sum_up(row["minute"])
            self._next = settled
        for minute in range(self._next, settled + 1, 60):
            await self._sum_up(minute)
            self._next = minute + 60
        for row in await self._engine.rows(Statement(_SUMMED_UP_CALLS, {"next": self._next})):
            await self._engine.command(Statement(f"ALTER TABLE calls DROP PARTITION ID '{row['id']}'"))

    async def _sum_up(self, minute: int) -> None:
        parameters = {"minute": minute}
        is_written = "SELECT 1 FROM edges WHERE minute = toDateTime({minute:UInt32}, 'UTC') LIMIT 1"
        if not await self._engine.rows(Statement(is_written, parameters)):
            await self._engine.command(Statement(_SUM_UP, parameters))
