"""``query``, ``query_range`` and ``format_query``. Source: Loki 3, HTTP API, "Query logs"."""

from __future__ import annotations

import time
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.logql.ast import LogQuery, MetricQuery
from backbone.query.logql.engine import LogQL
from backbone.query.logql.lines import Window
from backbone.query.logql.parser import parse
from backbone.query.logql.printer import print_query
from backbone.query.promql.print_json import print_answer
from backbone.query.promql.values import Grid
from backbone.serve.errors import text_error
from backbone.serve.given import Given, given_parameters
from backbone.serve.loki.answers import CATEGORIZE, stats, streams, success
from backbone.serve.loki.given import (
    DEFAULT_LIMIT,
    given_count,
    given_forward,
    given_grid,
    given_moment,
    given_range,
)
from backbone.serve.running import QueryRunner

_METHODS = ("GET", "POST")
_FLAGS_HEADER = "x-loki-response-encoding-flags"


def query_routes(logql: LogQL, runner: QueryRunner) -> list[Route]:
    """Return the routes of queries."""
    face = _Queries(logql, runner)
    return [
        runner.route("/loki/api/v1/query", face.instant, text_error, _METHODS),
        runner.route("/loki/api/v1/query_range", face.range, text_error, _METHODS),
        runner.route("/loki/api/v1/format_query", face.format, text_error, _METHODS),
    ]


class _Queries:
    def __init__(self, logql: LogQL, runner: QueryRunner) -> None:
        self._logql = logql
        self._runner = runner

    async def instant(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        query = parse(given.get("query", ""))
        now = now_ns()
        moment = given_moment(given, "time", now=now, default=now) // 1_000_000
        if isinstance(query, LogQuery):
            raise UserInputError(
                "log queries are not supported as an instant query type, please change your query to a range query type"
            )
        return await self._numbers(request, tenant, query, Grid(moment, moment, 0))

    async def range(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        query = parse(given.get("query", ""))
        range_ = given_range(given)
        if isinstance(query, MetricQuery):
            return await self._numbers(request, tenant, query, given_grid(given, range_))
        limit = given_count(given, "limit", DEFAULT_LIMIT, self._logql.options.max_lines)
        window = Window(range_.start, range_.end, limit, given_forward(given))
        return await self._lines(request, tenant, query, window)

    async def _lines(self, request: Request, tenant: str, query: LogQuery, window: Window) -> Response:
        began = time.perf_counter()
        found = await self._runner.run(request, tenant, self._logql.lines(tenant, query, window))
        categorized = CATEGORIZE in request.headers.get(_FLAGS_HEADER, "")
        data: dict[str, Any] = {
            "resultType": "streams",
            **({"encodingFlags": [CATEGORIZE]} if categorized else {}),
            "result": streams(found, categorized=categorized),
            "stats": stats(time.perf_counter() - began, len(found)),
        }
        return success(data)

    async def _numbers(self, request: Request, tenant: str, query: MetricQuery, grid: Grid) -> Response:
        began = time.perf_counter()
        answer = await self._runner.run(request, tenant, self._logql.numbers(tenant, query, grid))
        told = orjson.dumps(stats(time.perf_counter() - began, answer.frame.labels.size))
        data = print_answer(answer, grid.start)
        return Response(
            b'{"status":"success","data":' + data[:-1] + b',"stats":' + told + b"}}", media_type="application/json"
        )

    async def format(self, request: Request, tenant: str) -> Response:
        del tenant
        given: Given = await given_parameters(request)
        return success(print_query(parse(given.get("query", ""))))
