"""Which metrics are asked for: noted as queries run, written down now and then."""

from __future__ import annotations

from collections.abc import Iterable

from backbone.model.time import NANOSECONDS_PER_SECOND, now_ns
from backbone.store.engine import Engine, Parameter, Statement

_MOST = 100_000
"""So many metrics are noted between two times of writing; what is more waits for its next query."""

_WRITE = """
INSERT INTO queried SELECT one.1, one.2, toDateTime(one.3, 'UTC'), one.4 FROM (
    SELECT arrayJoin(arrayZip({tenants:Array(String)}, {metrics:Array(String)}, {times:Array(Int64)},
        {counts:Array(UInt64)})) AS one
)
"""


class Usage:
    """The metrics of each tenant that queries named since they were last written down."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, str], tuple[int, int]] = {}

    def note(self, tenant: str, metrics: Iterable[str]) -> None:
        """Note that a query asked for metrics."""
        now = now_ns() // NANOSECONDS_PER_SECOND
        for metric in metrics:
            if (tenant, metric) in self._noted or len(self._noted) < _MOST:
                _, count = self._noted.get((tenant, metric), (0, 0))
                self._noted[tenant, metric] = (now, count + 1)

    async def write(self, engine: Engine) -> None:
        """Write down what was noted; raises as `Engine.command`, and what could not be written stays noted."""
        if not self._noted:
            return
        noted, self._noted = self._noted, {}
        parameters: dict[str, Parameter] = {
            "tenants": [tenant for tenant, _ in noted],
            "metrics": [metric for _, metric in noted],
            "times": [seconds for seconds, _ in noted.values()],
            "counts": [count for _, count in noted.values()],
        }
        try:
            await engine.command(Statement(_WRITE, parameters))
        except BaseException:
            self._noted = noted | self._noted
            raise
