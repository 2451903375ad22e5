"""Our own API's ways from one signal to the others."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.correlate import About, Correlation
from backbone.query.times import print_time
from backbone.query.traces import parse_trace_id
from backbone.serve.answers import Answer, FoundRecord, FoundTrace, print_value
from backbone.serve.endpoint import Endpoint
from backbone.serve.errors import NotFound
from backbone.serve.log_endpoints import Bar
from backbone.serve.openapi import Operation
from backbone.serve.questions import OneTrace, Text, Window
from backbone.serve.trace_endpoints import GraphEdge, OperationRed
from backbone.store.engine import Engine, QueryLimits


class AboutQuestion(Window):
    """Everything about a service, or about what has an attribute, such as a shard or a peer."""

    service: Text = ""
    """The service."""
    attribute: Text = Field(default="")
    """`name=value`, of spans, log records and series."""


class TracedSample(Answer):
    labels: dict[str, str]
    value: str
    time_ms: int
    span_id: str


class TraceAbout(Answer):
    trace: FoundTrace
    logs: list[FoundRecord]
    exemplars: list[TracedSample]
    services: dict[str, list[OperationRed]]


class LogPattern(Answer):
    pattern: str
    level: str
    lines: int


class AnythingAbout(Answer):
    operations: list[OperationRed]
    calls: list[GraphEdge]
    logs: list[Bar]
    patterns: list[LogPattern]
    slow: list[FoundTrace]
    failed: list[FoundTrace]
    metrics: list[str]

    @classmethod
    def of(cls, found: About) -> AnythingAbout:
        return cls(
            operations=[OperationRed.model_validate(one, from_attributes=True) for one in found.operations],
            calls=[GraphEdge.model_validate(one, from_attributes=True) for one in found.calls],
            logs=[Bar(start=print_time(bar.start_ns), level=bar.level, lines=bar.lines) for bar in found.logs],
            patterns=[LogPattern(pattern=one.text, level=one.level, lines=one.lines) for one in found.patterns],
            slow=[FoundTrace.of(one) for one in found.slow],
            failed=[FoundTrace.of(one) for one in found.failed],
            metrics=found.metrics,
        )


def about_endpoints(engine: Engine, limits: QueryLimits) -> list[Endpoint[Any]]:
    """Return the endpoints."""

    async def trace(tenant: str, question: OneTrace) -> Answer:
        trace_id = parse_trace_id(question.trace_id)
        found = await Correlation(engine, tenant, limits, now_ns()).about_trace(trace_id)
        if found is None:
            raise NotFound(f"trace {trace_id.hex()} is not there")
        return TraceAbout(
            trace=FoundTrace.of(found.summary),
            logs=[FoundRecord.of(record) for record in found.logs],
            exemplars=[
                TracedSample(labels=one.labels, value=print_value(one.value), time_ms=one.time_ms, span_id=one.span_id)
                for one in found.exemplars
            ],
            services={
                service: [OperationRed.model_validate(one, from_attributes=True) for one in operations]
                for service, operations in found.services.items()
            },
        )

    async def anything(tenant: str, question: AboutQuestion) -> Answer:
        correlation = Correlation(engine, tenant, limits, now_ns())
        if bool(question.service) == bool(question.attribute):
            raise UserInputError("'service' or 'attribute': one of them is required, not both")
        if question.service:
            return AnythingAbout.of(await correlation.about_service(question.service, question.range_ns()))
        name, equals, value = question.attribute.partition("=")
        if not (name and equals and value):
            raise UserInputError(f"'attribute': expected name=value, got {question.attribute[:100]!r}")
        return AnythingAbout.of(await correlation.about_attribute(name, value, question.range_ns()))

    return [
        Endpoint(
            Operation("/about", "Everything about a service or an attribute", AboutQuestion, AnythingAbout), anything
        ),
        Endpoint(Operation("/about/trace/{trace_id}", "Everything about a trace", OneTrace, TraceAbout), trace),
    ]
