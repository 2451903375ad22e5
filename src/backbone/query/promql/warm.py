"""
Compiles what queries run, so that the first one need not wait for it: ``python -m backbone.query.promql.warm``.

The machine code is kept on disk beside the source, for all processes that come after.
"""

from __future__ import annotations

import asyncio

import numpy as np

from backbone.query.promql.engine import PromQL, PromQLOptions, Question
from backbone.query.promql.kernels.arrange import arrange
from backbone.query.promql.labels import Labels
from backbone.query.promql.print_json import print_answer
from backbone.query.promql.source import Changes, Moment, Report, Selection
from backbone.query.promql.values import Grid, Samples, Series

_QUERIES = (
    "x",
    "rate(x[5m])",
    "irate(x[5m])",
    "delta(x[5m])",
    "deriv(x[5m])",
    "changes(x[5m]) + resets(x[5m])",
    "sum by (le) (rate(x[5m]))",
    "avg(x)",
    "count(x)",
    "max(x) - min(x)",
    "stddev(x)",
    "quantile(0.9, x)",
    "topk(2, x)",
    "histogram_quantile(0.9, sum by (le) (rate(x[5m])))",
    "avg_over_time(x[5m])",
    "max_over_time(x[5m]) - min_over_time(x[5m])",
    "sum_over_time(x[5m]) / count_over_time(x[5m])",
    "quantile_over_time(0.9, x[5m])",
    "stddev_over_time(x[5m])",
    "max_over_time(sum(x)[5m:1m])",
    "x * on (le) group_left () sum by (le) (x)",
)
_GRID = Grid(600_000, 1_200_000, 60_000)


class _Few:
    """A few series of a few samples."""

    async def changes(self, since: Moment | None) -> Changes | None:
        del since
        return None

    async def select(self, tenant: str, wanted: Selection, report: Report) -> Series:
        del tenant, wanted, report
        labels = Labels.of([{"__name__": "x", "le": bound} for bound in ("1", "2", "+Inf")])
        known = np.arange(3, dtype=np.uint64)
        # The engine's memory may not be written to, which makes other machine code.
        fingerprints = np.frombuffer(np.repeat(known, 100).tobytes(), np.uint64)
        read_times = np.frombuffer(np.tile(np.arange(100) * 15_000, 3).tobytes(), np.int64)
        offsets, times, values, _ = arrange(
            known, [(fingerprints, read_times, np.frombuffer(np.arange(300.0).tobytes()))]
        )
        return Series(labels, np.zeros(3, np.bool_), Samples(times, offsets, values))


async def warm_up() -> None:
    """Evaluate a query of each kind."""
    promql = PromQL(_Few(), PromQLOptions())
    for text in _QUERIES:
        print_answer(await promql.ask("", Question(text, _GRID)), 0)


if __name__ == "__main__":
    asyncio.run(warm_up())
