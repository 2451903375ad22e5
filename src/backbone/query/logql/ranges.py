"""
Ranges of lines as numbers at steps, in one statement each.

Lines are first summed up in buckets as wide as the greatest common divisor of step and range, then each step's range is
put together from its buckets; of a single step they are summed up at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from backbone.model.errors import LimitExceeded, UserInputError
from backbone.query.logql.ast import RangeAggregation
from backbone.query.logql.columns import LabelColumns, label_columns
from backbone.query.logql.labels import Chosen
from backbone.query.logql.pipeline import Pipeline
from backbone.query.promql.labels import Labels
from backbone.query.promql.values import Grid, Samples, Series
from backbone.store.engine import Engine, QueryLimits

_NS_PER_MS = 1_000_000
_FUNCTIONS = {
    "count_over_time": "count", "rate": "count", "bytes_over_time": "sum", "bytes_rate": "sum", "sum_over_time": "sum",
    "avg_over_time": "avg", "max_over_time": "max", "min_over_time": "min", "first_over_time": "argMin",
    "last_over_time": "argMax", "stdvar_over_time": "varPop", "stddev_over_time": "stddevPop",
    "absent_over_time": "count",
}  # fmt: skip
_PER_SECOND = frozenset({"rate", "bytes_rate"})


@dataclass(frozen=True, slots=True)
class RangeReader:
    """What reads ranges for a tenant, within limits."""

    engine: Engine
    tenant: str
    limits: QueryLimits
    max_series: int

    async def at_steps(self, leaf: RangeAggregation, grid: Grid) -> Series:
        """
        Return a sample per series and step that has lines in its range.

        Raises:
            UserInputError: a stage failed on a line, and no filter takes such lines out.
            LimitExceeded: there are too many series.
        """
        steps = _Steps(leaf, grid)
        pipeline = steps.pipeline(self.tenant, label_columns(self.engine))
        value = pipeline.unwrap(leaf.unwrap) if leaf.unwrap else ""
        key = _key(pipeline, leaf)
        function, arguments = _function(leaf, value, pipeline.line)
        factor = 1000 / leaf.range_ms if leaf.operator in _PER_SECOND else 1
        summed_up = _Sums(key, pipeline.labels.text("__error__"), function, arguments, factor, pipeline.source)
        sql = f"{steps.sql(summed_up)} ORDER BY key LIMIT {self.max_series + 1}"
        rows = await self.engine.rows(pipeline.conditions.statement(sql), self.limits)
        return self._series(leaf, rows, lambda steps: grid.start + np.array(steps, np.int64) * grid.step)

    async def samples(self, leaf: RangeAggregation, grid: Grid) -> Series:
        """Return every number there is, for functions that need them one by one; raises as `at_steps`."""
        assert leaf.unwrap is not None
        pipeline = _Steps(leaf, grid).pipeline(self.tenant, label_columns(self.engine))
        value = pipeline.unwrap(leaf.unwrap)
        key = _key(pipeline, leaf)
        error = pipeline.labels.text("__error__")
        sql = f"""
SELECT key, max(error) AS error, groupArray(at) AS steps, groupArray(value) AS values FROM (
    SELECT {key} AS key, {error} AS error, toUnixTimestamp64Milli(time) AS at, {value} AS value
    {pipeline.source} ORDER BY key, at LIMIT 1 BY key, at
) GROUP BY key ORDER BY key LIMIT {self.max_series + 1}
"""
        rows = await self.engine.rows(pipeline.conditions.statement(sql), self.limits)
        return self._series(leaf, rows, lambda times: np.array(times, np.int64) + leaf.offset_ms)

    def _series(self, leaf: RangeAggregation, rows: list[dict[str, Any]], times: Any) -> Series:
        if len(rows) > self.max_series:
            raise LimitExceeded(
                f"maximum number of series ({self.max_series}) reached for a single query; consider reducing query "
                "cardinality by adding more specific stream selectors, reducing the time range, or aggregating results",
                limit="logql.max_series",
            )
        names = _names(leaf)
        told: list[dict[str, str]] = [
            dict(row["key"]) if names is None else dict(zip(names, row["key"], strict=True)) for row in rows
        ]
        for own, row in zip(told, rows, strict=True):
            if row["error"]:
                shown = ", ".join(f'{name}="{value}"' for name, value in own.items())
                raise UserInputError(
                    f"pipeline error: '{row['error']}' for series: '{{{shown}}}'. Use a label filter to intentionally "
                    f'skip this error. (e.g | __error__!="{row["error"]}"). To skip all potential errors you can match '
                    'empty errors. (e.g __error__="")'
                )
        counts = [len(row["steps"]) for row in rows]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        at = [times(row["steps"]) for row in rows]
        values = [np.array(row["values"], np.float64) for row in rows]
        samples = Samples(np.concatenate([np.zeros(0, np.int64), *at]), offsets, np.concatenate([np.zeros(0), *values]))
        labels = Labels.of(told)
        return Series(labels, np.ones(labels.size, np.bool_), samples)


def absent(leaf: RangeAggregation, grid: Grid, present: Series) -> Series:
    """Return 1 at the steps where there is no line; its labels are those that the selector says are equal."""
    times = np.setdiff1d(np.arange(grid.start, grid.end + 1, max(grid.step, 1)), present.floats.times)
    labels = {matcher.label: matcher.value for matcher in leaf.query.matchers if matcher.operator == "="}
    samples = Samples(times, np.array([0, len(times)]), np.ones(len(times)))
    return Series(Labels.of([labels]), np.ones(1, np.bool_), samples)


def summed(leaf: RangeAggregation, labels: tuple[str, ...]) -> RangeAggregation:
    """Return the range whose series are told apart by some labels only, which an aggregation above asks for."""
    return replace(leaf, grouping=labels, without=False)


class _Sums(NamedTuple):
    """What lines are summed up by, and how, as SQL."""

    key: str
    error: str
    function: str
    arguments: str
    factor: float
    source: str
    """What follows the columns: ``FROM`` and all filters."""


class _Steps:
    """Steps, and the buckets that their ranges are made of."""

    def __init__(self, leaf: RangeAggregation, grid: Grid) -> None:
        self._leaf = leaf
        last = (grid.size - 1) * grid.step
        self._first = (grid.start - leaf.offset_ms - leaf.range_ms) * _NS_PER_MS
        self._end = (grid.start - leaf.offset_ms + last) * _NS_PER_MS
        self._count = grid.size
        self._width = math.gcd(grid.step, leaf.range_ms)
        self._per_step = max(grid.step // self._width, 1)
        self._per_range = leaf.range_ms // self._width

    def pipeline(self, tenant: str, columns: LabelColumns) -> Pipeline:
        # A range is open at its start and closed at its end.
        return Pipeline(tenant, self._leaf.query, (self._first + 1, self._end + 1), columns)

    def sql(self, sums: _Sums) -> str:
        """Return the select of each series' key, error, steps and values."""
        if self._count == 1:
            # All lines that are read are in the range of the only step.
            value = f"toFloat64({_combined(sums.function, '', sums.arguments)}) * {sums.factor!r}"
            return (
                f"SELECT {sums.key} AS key, max({sums.error}) AS error, [0] AS steps, [{value}] AS values "
                f"{sums.source} GROUP BY key"
            )
        bucket, steps = self._buckets()
        return f"""
SELECT key, max(error) AS error, groupArray(step) AS steps, groupArray(value) AS values FROM (
    SELECT key, step, max(error) AS error,
        toFloat64({_combined(sums.function, "Merge", "state")}) * {sums.factor!r} AS value
    FROM (
        SELECT {sums.key} AS key, {bucket} AS bucket, max({sums.error}) AS error,
            {_combined(sums.function, "State", sums.arguments)} AS state
        {sums.source} GROUP BY key, bucket
    ) ARRAY JOIN {steps} AS step
    GROUP BY key, step ORDER BY key, step
) GROUP BY key"""

    def _buckets(self) -> tuple[str, str]:
        """Return the SQL of a line's bucket, from 1 on, and of the steps that a bucket is part of."""
        width = self._width * _NS_PER_MS
        bucket = f"intDiv(toUnixTimestamp64Nano(time) - ({self._first}) + {width - 1}, {width})"
        # The first step whose range has not ended before the bucket begins.
        later = f"intDiv(bucket - {self._per_range - self._per_step + 1}, {self._per_step})"
        first = f"if(bucket <= {self._per_range}, 0, {later})"
        last = f"least({self._count - 1}, intDiv(bucket - 1, {self._per_step}))"
        return bucket, f"range(toUInt32({first}), toUInt32({last} + 1))"


def _names(leaf: RangeAggregation) -> tuple[str, ...] | None:
    """Return the labels that series are told apart by, None where it is all or all but some."""
    return None if leaf.without or leaf.operator == "absent_over_time" else leaf.grouping


def _key(pipeline: Pipeline, leaf: RangeAggregation) -> str:
    """Return the SQL of what tells series apart: texts of the labels wanted, or pairs of label and text."""
    if leaf.operator == "absent_over_time":
        return "CAST([], 'Array(Tuple(String, String))')"
    if (names := _names(leaf)) is not None:
        texts = ", ".join(pipeline.labels.text(name) for name in names)
        return f"CAST([{texts}], 'Array(String)')"
    labels = pipeline.labels
    if leaf.grouping:
        labels = Chosen(labels, pipeline.conditions, False, leaf.grouping)
    filled = f"mapFilter((k, v) -> v != '' AND k NOT IN ('__error__', '__error_details__'), {labels.series()})"
    return f"arraySort(CAST({filled}, 'Array(Tuple(String, String))'))"


def _function(leaf: RangeAggregation, value: str, line: str) -> tuple[str, str]:
    """Return the engine's aggregate function and its arguments."""
    if leaf.operator == "quantile_over_time":
        level = min(max(leaf.parameter or 0.0, 0.0), 1.0)
        return f"quantileExactInclusive({level!r})", value
    function = _FUNCTIONS[leaf.operator]
    if leaf.operator == "rate" and value:
        return "sum", value
    if leaf.operator in {"bytes_over_time", "bytes_rate"}:
        return function, f"toFloat64(length({line}))"
    if function == "count":
        return function, ""
    return function, f"{value}, time" if function.startswith("arg") else value


def _combined(function: str, combinator: str, arguments: str) -> str:
    """Return the call of a function's state or of what merges states; parameters come after the combinator."""
    name, parenthesis, parameters = function.partition("(")
    return f"{name}{combinator}{parenthesis}{parameters}({arguments})"
