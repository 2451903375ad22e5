"""Our own API: traces, logs, metrics, SQL and rates under ``/api/backbone/v1``, described by OpenAPI."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.logs import search_logs
from backbone.query.otlp_json import otlp_json
from backbone.query.promql.parser import parse_selector
from backbone.query.rates import read_rates
from backbone.query.samples import select_samples
from backbone.query.sql import SqlQueries
from backbone.query.traceql.parser import parse
from backbone.query.traceql.search import TraceSearch
from backbone.query.traceql.source import Window
from backbone.query.traces import find_trace, parse_trace_id, search_traces, summarize_traces
from backbone.serve.about_endpoints import about_endpoints
from backbone.serve.answers import (
    Answer,
    FoundRecord,
    FoundRecords,
    FoundSamples,
    FoundSeries,
    FoundTrace,
    FoundTraces,
    OtlpTrace,
    RatesNow,
    Table,
)
from backbone.serve.asked import Asked
from backbone.serve.bodies import read_body
from backbone.serve.cardinality_endpoints import cardinality_endpoints
from backbone.serve.endpoint import Endpoint, P
from backbone.serve.errors import NotFound, json_error
from backbone.serve.findings_endpoints import findings_endpoints
from backbone.serve.log_endpoints import log_endpoints
from backbone.serve.openapi import Operation, openapi
from backbone.serve.policy_endpoints import policy_endpoints
from backbone.serve.questions import LogQuestion, MetricQuestion, NoQuestion, OneTrace, SqlQuestion, TraceQuestion
from backbone.serve.running import QueryRunner
from backbone.serve.search_endpoints import search_endpoints
from backbone.serve.trace_endpoints import trace_endpoints
from backbone.store.engine import Engine, QueryLimits

PREFIX = "/api/backbone/v1"


def build_api(asked: Asked, runner: QueryRunner) -> list[Route]:
    """Return the routes of our own API."""
    engine, limits = asked.engine, asked.limits
    answers = _Answers(engine, limits)
    endpoints: list[Endpoint[Any]] = [
        Endpoint(Operation("/traces", "Search for traces", TraceQuestion, FoundTraces), answers.traces),
        *search_endpoints(asked.searches),
        *about_endpoints(engine, limits),
        *trace_endpoints(engine, limits),
        *policy_endpoints(engine, limits, asked.policy),
        Endpoint(Operation("/traces/{trace_id}", "A trace as OTLP/JSON", OneTrace, OtlpTrace), answers.trace),
        Endpoint(Operation("/logs", "Search for log records", LogQuestion, FoundRecords), answers.logs),
        *log_endpoints(engine, limits),
        *findings_endpoints(engine, limits),
        Endpoint(Operation("/metrics", "Samples of series", MetricQuestion, FoundSamples), answers.metrics),
        Endpoint(Operation("/sql", "Run a SELECT", SqlQuestion, Table, method="POST"), answers.sql),
        *cardinality_endpoints(engine, limits),
        Endpoint(Operation("/rates", "What comes in now", NoQuestion, RatesNow), answers.rates),
    ]

    # Schemas of all models take longer than the rest of a start; few servers are asked for them.
    @cache
    def document() -> bytes:
        return orjson.dumps(openapi(PREFIX, runner.tenants, [endpoint.operation for endpoint in endpoints]))

    async def describe(_request: Request, _tenant: str) -> Response:
        return Response(await asyncio.to_thread(document), media_type="application/json")

    return [
        *(_route(endpoint, runner) for endpoint in endpoints),
        runner.route(f"{PREFIX}/openapi.json", describe, json_error),
    ]


def _route(endpoint: Endpoint[Any], runner: QueryRunner) -> Route:
    operation = endpoint.operation

    async def handle(request: Request, tenant: str) -> Response:
        question = await _question(request, operation)
        answer = await runner.run(request, tenant, endpoint.answer(tenant, question))
        return Response(answer.model_dump_json(), media_type="application/json")

    return runner.route(PREFIX + operation.path, handle, json_error, methods=(operation.method,))


async def _question(request: Request, operation: Operation[P]) -> P:
    if operation.method != "POST":
        return operation.parameters.from_pairs([*request.path_params.items(), *request.query_params.multi_items()])
    try:
        values = orjson.loads(await read_body(request))
    except orjson.JSONDecodeError as error:
        raise UserInputError(f"body: no JSON: {error}") from error
    if not isinstance(values, dict):
        raise UserInputError("body: expected a JSON object")
    return operation.parameters.from_values(values)


class _Answers:
    """Questions to answers, over one engine."""

    def __init__(self, engine: Engine, limits: QueryLimits) -> None:
        self._engine = engine
        self._limits = limits
        self._sql = SqlQueries(engine)

    async def traces(self, tenant: str, question: TraceQuestion) -> Answer:
        search = question.search()
        if not question.query:
            found = await search_traces(self._engine, tenant, search, self._limits)
        else:
            window = Window(search.start_ns, search.end_ns + 1)
            searching = TraceSearch(self._engine, tenant, window, self._limits)
            ids = [bytes.fromhex(one) for one in await searching.ids(parse(question.query), question.limit)]
            found = await summarize_traces(self._engine, tenant, ids, self._limits)
        return FoundTraces(traces=[FoundTrace.of(trace) for trace in found])

    async def trace(self, tenant: str, question: OneTrace) -> BaseModel:
        trace_id = parse_trace_id(question.trace_id)
        found = await find_trace(self._engine, tenant, trace_id, self._limits)
        if found is None:
            raise NotFound(f"trace {trace_id.hex()} is not there")
        return OtlpTrace(**otlp_json(found))

    async def logs(self, tenant: str, question: LogQuestion) -> Answer:
        found = await search_logs(self._engine, tenant, question.search(), self._limits)
        return FoundRecords(records=[FoundRecord.of(record) for record in found])

    async def metrics(self, tenant: str, question: MetricQuestion) -> Answer:
        selector = parse_selector(question.selector)
        window = question.range_ns()
        found = await select_samples(self._engine, tenant, selector, window, question.limit, self._limits)
        return FoundSamples(series=[FoundSeries.of(series) for series in found])

    async def sql(self, tenant: str, question: SqlQuestion) -> Answer:
        return Table.of(await self._sql.run(tenant, question.sql, question.limit, self._limits))

    async def rates(self, tenant: str, _question: NoQuestion) -> Answer:
        return RatesNow.of(await read_rates(self._engine, tenant, now_ns(), self._limits))
