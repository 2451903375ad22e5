"""Numbers of spans at steps, in one statement; durations are told in seconds. Source: Tempo 2.8, "TraceQL metrics"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backbone.model.errors import LimitExceeded
from backbone.query.promql.go_floats import print_float
from backbone.query.traceql.ast import Field, FieldExpr, Filter, Intrinsic, Metric, Operation, Query, Select, Unary
from backbone.query.traceql.found import field_name
from backbone.query.traceql.search import TraceSearch
from backbone.query.traceql.source import Spans, Window
from backbone.store.engine import Engine, QueryLimits

MAX_SERIES = 1_000
_MOST_SPANS = 100_000
_NS_PER_SECOND = 1_000_000_000
_EXEMPLARS = 100
_DURATIONS = frozenset({"span:duration", "trace:duration", "event:timeSinceStart"})
_COUNTED = frozenset({"rate", "count_over_time"})

Label = tuple[str, str, str]
"""Name, type as OTLP names it, and text."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    trace_id: str
    time_ns: int
    value: float


@dataclass(frozen=True, slots=True)
class SpanSeries:
    """Values by the start of their step in nanoseconds."""

    labels: tuple[Label, ...]
    values: Mapping[int, float]
    exemplars: tuple[Exemplar, ...] = ()


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps of *step_ns* from ``start_ns``, a multiple of it, on; the last one begins before ``end_ns``."""

    start_ns: int
    end_ns: int
    step_ns: int

    @property
    def times(self) -> range:
        return range(self.start_ns, self.end_ns, self.step_ns)


class SpanMetrics:
    """Evaluates metrics over a tenant's spans."""

    def __init__(self, engine: Engine, tenant: str, limits: QueryLimits) -> None:
        self._engine = engine
        self._tenant = tenant
        self._limits = limits

    async def evaluate(self, query: Query, steps: Steps) -> list[SpanSeries]:
        """
        Return the series of a query's metric.

        Raises:
            LimitExceeded: there are too many series, or, where structure matters, too many spans.
        """
        metric = query.metric
        assert metric is not None
        if metric.function == "compare":
            found = await self._compared(query, metric, steps)
        else:
            found = await self._numbers(query, metric, steps)
        if query.ranked:
            best = query.ranked.function == "topk"
            found.sort(key=lambda series: sum(series.values.values()), reverse=best)
            found = found[: query.ranked.count]
        return found

    async def _numbers(self, query: Query, metric: Metric, steps: Steps) -> list[SpanSeries]:
        operand = metric.operand
        spans = await self._spans(query, steps, [*([operand] if operand is not None else []), *metric.by])
        sql = spans.sql
        value = f"{sql.number(operand)}{_scaled(operand)}" if operand is not None else "1."
        by = f"CAST([{', '.join(sql.shown(one) for one in metric.by)}], 'Array(Tuple(String, String))')"
        extra = (
            "toString(pow(2, ceil(log2(greatest(value, 1e-9)))))" if metric.function == "histogram_over_time" else "''"
        )
        text = f"""
SELECT key, extra, groupArray((at, numbers)) AS points, groupArraySample(4, 1)(example) AS examples FROM (
    SELECT key, {extra} AS extra, at, {_aggregate(metric, steps)} AS numbers,
        any((trace, toUnixTimestamp64Nano(time), value)) AS example
    FROM (
        SELECT {by} AS key, {_step(steps)} AS at, {value} AS value, lower(hex(trace_id)) AS trace, time {spans.source}
    ) WHERE isNotNull(value) GROUP BY key, extra, at
) GROUP BY key, extra ORDER BY count() DESC, key, extra LIMIT {MAX_SERIES + 1}
"""
        rows = await self._engine.rows(spans.conditions.statement(text), self._limits)
        _check(len(rows))
        share = _EXEMPLARS // max(len(rows), 1) + 1
        return [series for row in rows for series in _series(metric, steps, row, share)]

    async def _compared(self, query: Query, metric: Metric, steps: Steps) -> list[SpanSeries]:
        """Count each attribute's texts among the spans selected and the others, the most frequent of each."""
        assert metric.selection is not None
        condition = metric.selection.condition
        spans = await self._spans(query, steps, [condition] if condition is not None else [])
        chosen = spans.sql.condition(condition)
        if metric.window:
            low, high = (spans.conditions.bind("Int64", at) for at in metric.window)
            chosen = f"({chosen} AND toUnixTimestamp64Nano(time) >= {low} AND toUnixTimestamp64Nano(time) < {high})"
        top = spans.conditions.bind("UInt32", min(metric.top, 100))
        text = f"""
SELECT name, value, selected, groupArray((at, lines)) AS points FROM (
    SELECT pair.1 AS name, pair.2 AS value, selected, at, count() AS lines FROM (
        SELECT {chosen} AS selected, {_step(steps)} AS at, arrayJoin(arrayConcat(
            arrayMap(p -> (concat('resource.', p.1), p.2), CAST(resource, 'Array(Tuple(String, String))')),
            arrayMap(p -> (concat('span.', p.1), p.2), CAST(attributes, 'Array(Tuple(String, String))')),
            [('name', toString(name)), ('kind', toString(kind)), ('status', toString(status))])) AS pair
        {spans.source}
    ) GROUP BY name, value, selected, at ORDER BY at
) GROUP BY name, value, selected ORDER BY sum(lines) DESC, value LIMIT {top} BY name, selected
LIMIT {MAX_SERIES + 1}
"""
        rows = await self._engine.rows(spans.conditions.statement(text), self._limits)
        _check(len(rows))
        series = []
        totals: dict[tuple[str, bool], dict[int, float]] = {}
        for row in rows:
            points = {steps.start_ns + at * steps.step_ns: float(count) for at, count in row["points"]}
            kind = "selection" if row["selected"] else "baseline"
            labels = ("__meta_type", "string_value", kind), (row["name"], "string_value", row["value"])
            series.append(SpanSeries(labels, points))
            total = totals.setdefault((row["name"], bool(row["selected"])), {})
            for at, count in points.items():
                total[at] = total.get(at, 0.0) + count
        for (name, selected), points in totals.items():
            kind = "selection_total" if selected else "baseline_total"
            series.append(SpanSeries((("__meta_type", "string_value", kind), (name, "nil_value", "nil")), points))
        return series

    async def _spans(self, query: Query, steps: Steps, exprs: list[FieldExpr]) -> Spans:
        """Return the spans that a query finds."""
        window = Window(steps.start_ns, steps.end_ns)
        plain = [stage for stage in query.pipeline.stages if isinstance(stage, Filter)]
        if all(isinstance(stage, (Filter, Select)) for stage in query.pipeline.stages):
            conditions = [stage.condition for stage in plain if stage.condition is not None]
            spans = Spans(self._tenant, window, [*exprs, *conditions])
            for condition in conditions:
                spans.test(spans.sql.condition(condition))
            return spans
        keys = await TraceSearch(self._engine, self._tenant, window, self._limits).spans(query.pipeline, _MOST_SPANS)
        spans = Spans(self._tenant, window, exprs)
        spans.conditions.of_traces(sorted({trace for trace, _ in keys}))
        ids = spans.conditions.bind("Array(String)", [trace + span for trace, span in keys])
        spans.test(f"concat(lower(hex(trace_id)), lower(hex(span_id))) IN (SELECT arrayJoin({ids}))")
        return spans


def _check(series: int) -> None:
    if series > MAX_SERIES:
        raise LimitExceeded(f"more than {MAX_SERIES} series; group by less", limit="traceql.series")


def _step(steps: Steps) -> str:
    return f"intDiv(toUnixTimestamp64Nano(time) - {steps.start_ns}, {steps.step_ns})"


def _aggregate(metric: Metric, steps: Steps) -> str:
    """Return the SQL of a step's numbers, of which only quantiles have several."""
    match metric.function:
        case "rate":
            return f"[count() / {steps.step_ns / _NS_PER_SECOND!r}]"
        case "count_over_time" | "histogram_over_time":
            return "[toFloat64(count())]"
        case "quantile_over_time":
            levels = ", ".join(repr(quantile) for quantile in metric.quantiles)
            return f"quantilesExactInclusive({levels})(assumeNotNull(value))"
        case function:
            return f"[toFloat64({function.removesuffix('_over_time')}(value))]"


def _scaled(operand: FieldExpr) -> str:
    """Return what makes seconds of nanoseconds."""
    return " / 1e9" if _is_duration(operand) else ""


def _is_duration(expr: FieldExpr) -> bool:
    match expr:
        case Intrinsic():
            return expr.name in _DURATIONS
        case Unary():
            return _is_duration(expr.operand)
        case Operation(operator="+" | "-"):
            return _is_duration(expr.left) and _is_duration(expr.right)
        case _:
            return False


def _series(metric: Metric, steps: Steps, row: dict[str, Any], share: int) -> list[SpanSeries]:
    labels = _labels(metric.by, row["key"])
    exemplars = tuple(Exemplar(trace, at, value) for trace, at, value in row["examples"])[:share]
    points = sorted((steps.start_ns + at * steps.step_ns, numbers) for at, numbers in row["points"])
    if metric.function == "quantile_over_time":
        return [
            SpanSeries(
                (*labels, ("p", "double_value", print_float(quantile))), {at: n[index] for at, n in points}, exemplars
            )
            for index, quantile in enumerate(metric.quantiles)
        ]
    if metric.function == "histogram_over_time":
        labels = (*labels, ("__bucket", "double_value", row["extra"]))
    elif not metric.by:
        labels = (("__name__", "string_value", metric.function),)
    values = {at: numbers[0] for at, numbers in points}
    if metric.function in _COUNTED:
        # Nothing seen is nothing, not unknown.
        values = {at: values.get(at, 0.0) for at in steps.times}
    return [SpanSeries(labels, values, exemplars)]


def _labels(by: tuple[Field, ...], key: list[tuple[str, str]]) -> tuple[Label, ...]:
    return tuple(
        (field_name(one), kind or "string_value", text if kind else "nil")
        for one, (kind, text) in zip(by, key, strict=True)
    )
