"""
Queries in PromQL: ``query``, ``query_range``, ``format_query``, ``parse_query``.

Source: Prometheus 3.x, HTTP API, "Expression queries".
"""

from __future__ import annotations

import gzip
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.promql.answer import Answer
from backbone.query.promql.engine import PromQL, Question, range_grid
from backbone.query.promql.errors import PromQLSyntaxError
from backbone.query.promql.parser import parse
from backbone.query.promql.print_json import print_answer
from backbone.query.promql.printer import pretty
from backbone.query.promql.tree_json import tree
from backbone.query.promql.values import Grid
from backbone.serve.given import Given, given_parameters
from backbone.serve.prometheus.answers import failure, success, success_bytes
from backbone.serve.prometheus.given import given_duration_ms, given_time_ms
from backbone.serve.running import QueryRunner

_METHODS = ("GET", "POST")
_WORTH_PACKING_BYTES = 1 << 12


def query_routes(promql: PromQL, runner: QueryRunner) -> list[Route]:
    """Return the routes of queries."""
    face = _Queries(promql, runner)
    return [
        runner.route("/api/v1/query", face.instant, failure, _METHODS),
        runner.route("/api/v1/query_range", face.range, failure, _METHODS),
        runner.route("/api/v1/format_query", face.format, failure, _METHODS),
        runner.route("/api/v1/parse_query", face.parse, failure, _METHODS),
    ]


class _Queries:
    def __init__(self, promql: PromQL, runner: QueryRunner) -> None:
        self._promql = promql
        self._runner = runner

    async def instant(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        now_ms = now_ns() // 1_000_000
        moment = given_time_ms(given, "time", now_ms=now_ms, default_ms=now_ms)
        return await self._answered(request, tenant, given, Grid(moment, moment, 0))

    async def range(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        now_ms = now_ns() // 1_000_000
        start = given_time_ms(given, "start", now_ms=now_ms)
        end = given_time_ms(given, "end", now_ms=now_ms)
        if end < start:
            raise UserInputError('invalid parameter "end": end timestamp must not be before start time')
        return await self._answered(request, tenant, given, range_grid(start, end, given_duration_ms(given, "step")))

    async def _answered(self, request: Request, tenant: str, given: Given, grid: Grid) -> Response:
        lookback = given_duration_ms(given, "lookback_delta", 0) or None
        question = Question(given.get("query", ""), grid, lookback, cached=not given.get("nocache"))
        try:
            answer = await self._runner.run(request, tenant, self._promql.ask(tenant, question))
        except PromQLSyntaxError as error:
            raise UserInputError(f'invalid parameter "query": {error}') from error
        limit = _series_limit(given)
        data = print_answer(answer, grid.start, limit)
        if stats := given.get("stats"):
            data = data[:-1] + b',"stats":' + orjson.dumps(_stats(answer, per_step=stats == "all")) + b"}"
        warnings = list(answer.warnings)
        if limit and answer.frame.labels.size > limit:
            warnings.append("results truncated due to limit")
        return _packed(request, success_bytes(data, warnings, answer.infos))

    async def format(self, request: Request, tenant: str) -> Response:
        del tenant
        return success(pretty(_parsed(await given_parameters(request))))

    async def parse(self, request: Request, tenant: str) -> Response:
        del tenant
        return success(tree(_parsed(await given_parameters(request))))


def _parsed(given: Given) -> Any:
    try:
        return parse(given.get("query", ""))
    except PromQLSyntaxError as error:
        raise UserInputError(f'invalid parameter "query": {error}') from error


def _series_limit(given: Given) -> int:
    text = given.get("limit") or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise UserInputError(f'invalid parameter "limit": cannot parse "{text[:40]}" to a number of series')
    return int(text)


def _stats(answer: Answer, *, per_step: bool) -> dict[str, Any]:
    """Return Prometheus' statistics, and beside them the time and the statement of each part."""
    total = sum(timing.seconds for timing in answer.timings)
    evaluated = sum(timing.seconds for timing in answer.timings if timing.part == "evaluate")
    loaded = sum(timing.rows for timing in answer.timings if timing.part.startswith(("samples", "histograms")))
    stats: dict[str, Any] = {
        "timings": {
            "evalTotalTime": evaluated,
            "resultSortTime": 0,
            "queryPreparationTime": total - evaluated,
            "innerEvalTime": evaluated,
            "execQueueTime": 0,
            "execTotalTime": total,
        },
        "samples": {"totalQueryableSamples": loaded, "peakSamples": max(loaded, len(answer.frame.times))},
    }
    if per_step:
        stats["parts"] = [
            {"part": timing.part, "seconds": timing.seconds, "rows": timing.rows} for timing in answer.timings
        ]
    return stats


def _packed(request: Request, response: Response) -> Response:
    """Return the response as gzip where the client takes it and it is worth it."""
    accepted = request.headers.get("accept-encoding", "")
    body = bytes(response.body)
    if "gzip" not in accepted or len(body) < _WORTH_PACKING_BYTES:
        return response
    return Response(
        gzip.compress(body, 1), headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"},
        media_type="application/json",
    )  # fmt: skip
