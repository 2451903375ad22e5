"""Our own API's ways to look into traces: who calls whom, how operations go, what takes the time, what explains it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.compare_traces import compare_traces
from backbone.query.critical_path import critical_path, nodes_of
from backbone.query.explain_spans import SpanQuestion, explain_spans
from backbone.query.operations import reds
from backbone.query.service_graph import around, edges
from backbone.query.times import parse_duration_ns, print_time
from backbone.query.traces import find_traces, parse_trace_id
from backbone.serve.answers import Answer
from backbone.serve.endpoint import Endpoint
from backbone.serve.errors import NotFound
from backbone.serve.openapi import Operation
from backbone.serve.parameters import Parameters
from backbone.serve.questions import OneTrace, Text, Window
from backbone.store.engine import Engine, QueryLimits

_TraceId = Field(pattern="^[0-9a-fA-F]{1,32}$")


class GraphQuestion(Window):
    """Who calls whom."""

    service: Text = ""
    """Only what is near this service."""
    depth: int = Field(default=1, ge=1, le=10)
    """How many calls away it may be."""


class OperationsQuestion(Window):
    """How the operations of a service go."""

    service: Text = Field(min_length=1)
    """The service."""


class TwoTraces(Parameters):
    """Two traces by their ids, in hexadecimal."""

    left: str = _TraceId
    """The one."""
    right: str = _TraceId
    """The other."""


class ExplainQuestion(Window):
    """Which attributes explain the slow, or failed, spans of an operation."""

    service: Text = Field(min_length=1)
    """The service."""
    operation: Text = ""
    """The spans' name; any without it."""
    slower_than: str = ""
    """Explain the spans that took longer, such as `500ms`."""
    errors: bool = False
    """Explain the spans that failed."""
    limit: int = Field(default=20, ge=1, le=200)
    """How many causes at most."""

    def question(self) -> SpanQuestion:
        if not self.slower_than and not self.errors:
            raise UserInputError("'slower_than' or 'errors': one of them is required")
        start, end = self.range_ns()
        slower = parse_duration_ns(self.slower_than, "slower_than") if self.slower_than else None
        return SpanQuestion(start, end, self.service, self.operation, slower, self.errors)


class GraphEdge(Answer):
    client: str
    server: str
    calls: int
    per_second: float
    error_ratio: float
    mean_ns: float
    quantiles_ns: dict[float, float]


class Graph(Answer):
    services: list[str]
    edges: list[GraphEdge]


class OperationRed(Answer):
    name: str
    kind: str
    spans: int
    per_second: float
    error_ratio: float
    quantiles_ns: dict[float, float]
    slow_trace: str
    failed_trace: str


class Operations(Answer):
    operations: list[OperationRed]


class PathSegment(Answer):
    span_id: str
    service: str
    name: str
    start: str
    duration_ns: int


class CriticalPath(Answer):
    segments: list[PathSegment]


class Step(Answer):
    service: str
    name: str
    occurrence: int


class ComparedSpan(Answer):
    path: list[Step]
    left_ns: int | None
    right_ns: int | None
    difference_ns: int


class ComparedTraces(Answer):
    spans: list[ComparedSpan]


class FoundCause(Answer):
    scope: str
    name: str
    value: str
    selected: float
    rest: float
    score: float
    trace_id: str


class Explained(Answer):
    selected: int
    rest: int
    causes: list[FoundCause]


def trace_endpoints(engine: Engine, limits: QueryLimits) -> list[Endpoint[Any]]:
    """Return the endpoints; those with a fixed path come before that of one trace."""
    answers = _Answers(engine, limits)
    return [
        Endpoint(Operation("/graph", "Services and the calls between them", GraphQuestion, Graph), answers.graph),
        Endpoint(
            Operation("/operations", "Rate, errors and duration of operations", OperationsQuestion, Operations),
            answers.operations,
        ),
        Endpoint(Operation("/traces/compare", "Two traces side by side", TwoTraces, ComparedTraces), answers.compare),
        Endpoint(
            Operation("/traces/{trace_id}/critical-path", "What a trace's duration is made of", OneTrace, CriticalPath),
            answers.path,
        ),
        Endpoint(
            Operation("/spans/explain", "What tells slow or failed spans from others", ExplainQuestion, Explained),
            answers.explain,
        ),
    ]


class _Answers:
    def __init__(self, engine: Engine, limits: QueryLimits) -> None:
        self._engine = engine
        self._limits = limits

    async def graph(self, tenant: str, question: GraphQuestion) -> Answer:
        found = await edges(self._engine, tenant, question.range_ns(), now_ns(), self._limits)
        if question.service:
            found = around(found, question.service, question.depth)
        names = sorted({name for one in found for name in (one.client, one.server)})
        return Graph(services=names, edges=[GraphEdge.model_validate(one, from_attributes=True) for one in found])

    async def operations(self, tenant: str, question: OperationsQuestion) -> Answer:
        found = await reds(self._engine, tenant, question.service, question.range_ns(), self._limits)
        return Operations(operations=[OperationRed.model_validate(one, from_attributes=True) for one in found])

    async def path(self, tenant: str, question: OneTrace) -> Answer:
        trace_id = parse_trace_id(question.trace_id)
        found = await find_traces(self._engine, tenant, [trace_id], self._limits)
        if trace_id not in found:
            raise NotFound(f"trace {trace_id.hex()} is not there")
        return CriticalPath(
            segments=[
                PathSegment(
                    span_id=segment.node.span_id,
                    service=segment.node.service,
                    name=segment.node.name,
                    start=print_time(segment.start_ns),
                    duration_ns=segment.end_ns - segment.start_ns,
                )
                for segment in critical_path(nodes_of(found[trace_id]))
            ]
        )

    async def compare(self, tenant: str, question: TwoTraces) -> Answer:
        ids = [parse_trace_id(question.left), parse_trace_id(question.right)]
        found = await find_traces(self._engine, tenant, ids, self._limits)
        for one in ids:
            if one not in found:
                raise NotFound(f"trace {one.hex()} is not there")
        left, right = (nodes_of(found[one]) for one in ids)
        return ComparedTraces(
            spans=[
                ComparedSpan(
                    path=[Step(service=service, name=name, occurrence=nth) for service, name, nth in pair.path],
                    left_ns=pair.left_ns,
                    right_ns=pair.right_ns,
                    difference_ns=pair.difference_ns,
                )
                for pair in compare_traces(left, right)
            ]
        )

    async def explain(self, tenant: str, question: ExplainQuestion) -> Answer:
        found = await explain_spans(self._engine, tenant, question.question(), question.limit, self._limits)
        return Explained.model_validate(found, from_attributes=True)
