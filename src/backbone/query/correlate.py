"""From any signal to the others: everything about a trace, a service, or what has some attribute."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from backbone.query.attribute_filters import AttributeFilter
from backbone.query.conditions import Conditions
from backbone.query.exemplars import TracedValue, exemplars_of_trace
from backbone.query.logql.ast import LabelFilter, LogQuery, Span, TextFilter
from backbone.query.logql.counts import Bar, histogram
from backbone.query.logql.patterns import Pattern, find_patterns
from backbone.query.logql.streams import EVERYTHING
from backbone.query.logs import LogRecord, LogSearch, search_logs
from backbone.query.operations import Red, reds
from backbone.query.selectors import METRIC_LABEL, Matcher
from backbone.query.series import SeriesFilter, label_values
from backbone.query.service_graph import Edge, around, edges
from backbone.query.traces import TraceSearch, TraceSummary, search_traces, summarize_traces
from backbone.store.engine import Engine, QueryLimits

_AROUND_NS = 60_000_000_000
"""How long before and after a trace what its services did is told."""
_MOST_LOGS = 1_000
_MOST_TRACES = 10
_MOST_PATTERNS = 10
_MOST_METRICS = 1_000


@dataclass(frozen=True, slots=True)
class AboutTrace:
    """A trace: what it is, what was logged in it, what it is the example of, and how its services did around it."""

    summary: TraceSummary
    logs: list[LogRecord]
    exemplars: list[TracedValue]
    services: dict[str, list[Red]]


@dataclass(frozen=True, slots=True)
class About:
    """
    A service, or what has some attribute, within a time: calls, operations, logs, traces and metrics.

    Of an attribute there are no operations and no calls, which are kept by service.
    """

    operations: list[Red]
    calls: list[Edge]
    logs: list[Bar]
    patterns: list[Pattern]
    slow: list[TraceSummary]
    failed: list[TraceSummary]
    metrics: list[str]


@dataclass(frozen=True, slots=True)
class Correlation:
    """Looks for a tenant's signals that belong together."""

    engine: Engine
    tenant: str
    limits: QueryLimits
    now_ns: int

    async def about_trace(self, trace_id: bytes) -> AboutTrace | None:
        """Return everything about a trace, None where it is not there."""
        found = await summarize_traces(self.engine, self.tenant, [trace_id], self.limits)
        if not found:
            return None
        [summary] = found
        start, end = summary.start_ns, summary.start_ns + summary.duration_ns
        logs = LogSearch(start - _AROUND_NS, end + _AROUND_NS, trace_id=trace_id, limit=_MOST_LOGS)
        window = start - _AROUND_NS, end + _AROUND_NS
        records, exemplars, services = await asyncio.gather(
            search_logs(self.engine, self.tenant, logs, self.limits),
            exemplars_of_trace(self.engine, self.tenant, trace_id, self.limits),
            asyncio.gather(
                *(reds(self.engine, self.tenant, service, window, self.limits) for service in summary.services)
            ),
        )
        return AboutTrace(summary, records[::-1], exemplars, dict(zip(summary.services, services, strict=True)))

    async def about_service(self, service: str, window: tuple[int, int]) -> About:
        """Return everything about a service; nanoseconds."""
        query = LogQuery(Span(0, 0), (Matcher("service_name", "=", service),))
        search = TraceSearch(*window, service=service, limit=_MOST_TRACES)
        operations, calls, shared = await asyncio.gather(
            reds(self.engine, self.tenant, service, window, self.limits),
            edges(self.engine, self.tenant, window, self.now_ns, self.limits),
            # By OpenTelemetry's rules a job is a namespace and a service.
            self._about(query, search, (Matcher("job", "=~", f"(.+/)?{_literal(service)}"),)),
        )
        return replace(shared, operations=operations, calls=around(calls, service, 1))

    async def about_attribute(self, name: str, value: str, window: tuple[int, int]) -> About:
        """Return everything that has an attribute of this text, such as a shard or a peer."""
        label = "".join(character if character.isascii() and character.isalnum() else "_" for character in name)
        test = LabelFilter(Span(0, 0), TextFilter(Span(0, 0), label, "=", value))
        query = replace(EVERYTHING, stages=(test,))
        search = TraceSearch(*window, attributes=(AttributeFilter(name, "=", value),), limit=_MOST_TRACES)
        return await self._about(query, search, (Matcher(label, "=", value),))

    async def _about(self, query: LogQuery, search: TraceSearch, series: tuple[Matcher, ...]) -> About:
        window = search.start_ns, search.end_ns
        closed = window[0], window[1] + 1
        step = max((window[1] - window[0]) // 60, 1_000_000_000)
        selected = SeriesFilter(*window, selectors=[series])
        bars, patterns, slow, failed, metrics = await asyncio.gather(
            histogram(self.engine, self.tenant, query, closed, step_ns=step, limits=self.limits),
            find_patterns(self.engine, self.tenant, query, closed, step_ns=step, limits=self.limits),
            self._slowest(search),
            search_traces(self.engine, self.tenant, replace(search, errors_only=True), self.limits),
            label_values(self.engine, self.tenant, METRIC_LABEL, selected, _MOST_METRICS, self.limits),
        )
        return About([], [], bars, patterns[:_MOST_PATTERNS], slow, failed, metrics)

    async def _slowest(self, search: TraceSearch) -> list[TraceSummary]:
        conditions = Conditions(self.tenant)
        search.test(conditions)
        sql = (
            f"SELECT lower(hex(trace_id)) AS id FROM spans WHERE {conditions.where} GROUP BY trace_id "
            f"ORDER BY max(duration_ns) DESC LIMIT {search.limit}"
        )
        rows = await self.engine.rows(conditions.statement(sql), self.limits)
        found = await summarize_traces(
            self.engine, self.tenant, [bytes.fromhex(row["id"]) for row in rows], self.limits
        )
        return sorted(found, key=lambda summary: -summary.duration_ns)


def _literal(text: str) -> str:
    """Return a regular expression that matches a text."""
    return "".join(character if character.isalnum() else f"\\{character}" for character in text)
