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

_SUM_UP = """
INSERT INTO edges
SELECT s.tenant, toDateTime({minute:UInt32}, 'UTC'), c.service, s.service,
    toInt16(ceil(log2(greatest(s.duration_ns, 1)) * 8) - 1) AS bucket,
    count(), countIf(s.status = 'error'), sum(s.duration_ns)
FROM (
    SELECT tenant, trace_id, parent_span_id, service, duration_ns, status FROM spans
    WHERE time >= toDateTime({minute:UInt32}, 'UTC') AND time < toDateTime({minute:UInt32} + 60, 'UTC')
        AND kind IN ('server', 'consumer') AND parent_span_id != toFixedString('', 8)
) AS s
INNER JOIN (
    SELECT tenant, trace_id, span_id, service FROM spans
    WHERE time >= toDateTime({minute:UInt32} - 60, 'UTC') AND time < toDateTime({minute:UInt32} + 120, 'UTC')
        AND kind IN ('client', 'producer')
) AS c ON s.tenant = c.tenant AND s.trace_id = c.trace_id AND s.parent_span_id = c.span_id
GROUP BY s.tenant, c.service, s.service, bucket
"""


async def sum_up_edges(engine: Engine, now_ns: int) -> None:
    """Write the edges of the last settled minute, unless they are written already."""
    settled_ns = now_ns - SETTLED_AFTER_SECONDS * NANOSECONDS_PER_SECOND
    minute = settled_ns // _MINUTE_NS * 60
    written = await engine.rows(
        Statement("SELECT 1 FROM edges WHERE minute = toDateTime({minute:UInt32}, 'UTC') LIMIT 1", {"minute": minute})
    )
    if not written:
        await engine.command(Statement(_SUM_UP, {"minute": minute}))
