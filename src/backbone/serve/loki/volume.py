"""``index/volume`` and ``index/volume_range``: bytes by label. Source: Loki 3, HTTP API, "Query log volume"."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.query.logql.ast import LogQuery, MetricQuery, RangeAggregation
from backbone.query.logql.build_metrics import LEAF_LABEL
from backbone.query.logql.engine import LogQL
from backbone.query.promql import ast as promql
from backbone.query.promql.print_json import print_answer
from backbone.query.promql.values import Grid
from backbone.query.selectors import Matcher
from backbone.serve.errors import text_error
from backbone.serve.given import Given, given_parameters
from backbone.serve.loki.given import Range, given_count, given_range, given_selector, given_step_ns
from backbone.serve.running import QueryRunner

_NS_PER_MS = 1_000_000
_MOST = 1_000
_DEFAULT_LABEL = "service_name"


def volume_routes(logql: LogQL, runner: QueryRunner) -> list[Route]:
    """Return the routes of volumes."""

    async def answered(request: Request, tenant: str, given: Given, step_ms: int, range_: Range) -> Response:
        length = step_ms or max((range_.end - range_.start) // _NS_PER_MS, 1)
        query = _volume(given, length)
        end = range_.end // _NS_PER_MS
        grid = Grid(range_.start // _NS_PER_MS + step_ms, end, step_ms) if step_ms else Grid(end, end, 0)
        answer = await runner.run(request, tenant, logql.numbers(tenant, query, grid))
        body = b'{"status":"success","data":' + print_answer(answer, grid.start) + b"}"
        return Response(body, media_type="application/json")

    async def volume(request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        return await answered(request, tenant, given, 0, given_range(given))

    async def volume_range(request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        range_ = given_range(given)
        return await answered(request, tenant, given, given_step_ns(given, range_) // _NS_PER_MS, range_)

    return [
        runner.route("/loki/api/v1/index/volume", volume, text_error, ("GET", "POST")),
        runner.route("/loki/api/v1/index/volume_range", volume_range, text_error, ("GET", "POST")),
    ]


def _volume(given: Given, length_ms: int) -> MetricQuery:
    """Return ``topk(limit, sum by (labels) (bytes_over_time(query[length])))``."""
    query = given_selector(given)
    if query is None:
        raise UserInputError("'query': a stream selector is required")
    nowhere = promql.Span(0, 0)
    leaf = RangeAggregation(nowhere, "bytes_over_time", query, length_ms)
    key = Matcher(LEAF_LABEL, "=", "0")
    selector = promql.VectorSelector(nowhere, "", (key,))
    summed = promql.Aggregation(nowhere, "sum", selector, None, _labels(given, query))
    limit = promql.NumberLiteral(nowhere, float(given_count(given, "limit", 100, _MOST)))
    return MetricQuery(promql.Aggregation(nowhere, "topk", summed, limit), ((key, leaf),))


def _labels(given: Given, query: LogQuery) -> tuple[str, ...]:
    """Return the labels asked for, or those that the query selects by."""
    if wanted := given.get("targetLabels"):
        return tuple(label.strip() for label in wanted.split(",") if label.strip())
    return tuple(dict.fromkeys(matcher.label for matcher in query.matchers)) or (_DEFAULT_LABEL,)
