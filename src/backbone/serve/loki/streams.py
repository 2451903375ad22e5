"""Labels, their values, streams, and how much is in them. Source: Loki 3, HTTP API, "Query labels" and on."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.query.logql.ast import LogQuery
from backbone.query.logql.base_labels import STREAM_LABELS
from backbone.query.logql.parser import parse_log_query
from backbone.query.logql.streams import EVERYTHING, Streams
from backbone.serve.errors import text_error
from backbone.serve.given import Given, given_parameters
from backbone.serve.loki.answers import success
from backbone.serve.loki.given import given_range, given_selector
from backbone.serve.responses import json_response
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits

_METHODS = ("GET", "POST")
_HOURS = 6
"""How far lists look back when no time is given, as Loki's do."""


def stream_routes(engine: Engine, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """Return the routes of lists of streams."""
    face = _Lists(engine, limits, runner)
    return [
        runner.route("/loki/api/v1/labels", face.labels, text_error, _METHODS),
        runner.route("/loki/api/v1/label", face.labels, text_error, _METHODS),
        runner.route("/loki/api/v1/label/{name}/values", face.values, text_error, _METHODS),
        runner.route("/loki/api/v1/series", face.series, text_error, _METHODS),
        runner.route("/loki/api/v1/index/stats", face.stats, text_error, _METHODS),
        runner.route("/loki/api/v1/detected_labels", face.detected, text_error, _METHODS),
    ]


class _Lists:
    def __init__(self, engine: Engine, limits: QueryLimits, runner: QueryRunner) -> None:
        self._engine = engine
        self._limits = limits
        self._runner = runner

    async def labels(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        return success(
            await self._runner.run(request, tenant, self._streams(tenant, given).labels(given_selector(given)))
        )

    async def values(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        wanted = self._streams(tenant, given).values(request.path_params["name"], given_selector(given))
        return success(await self._runner.run(request, tenant, wanted))

    async def series(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        texts = given.getlist("match[]") or given.getlist("match")
        queries = [parse_log_query(text) for text in texts if text != "{}"] or [EVERYTHING]
        return success(await self._runner.run(request, tenant, self._streams(tenant, given).series(queries)))

    async def stats(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        query = _required(given)
        found = await self._runner.run(request, tenant, self._streams(tenant, given).stats(query))
        # There are no chunks; clients divide by them.
        return json_response(
            {"streams": found.streams, "chunks": found.streams, "entries": found.entries, "bytes": found.bytes}
        )

    async def detected(self, request: Request, tenant: str) -> Response:
        """Answer with the labels there are, and how many values each has."""
        given = await given_parameters(request)
        query = given_selector(given) or EVERYTHING
        found = await self._runner.run(request, tenant, self._streams(tenant, given).series([query]))
        values = {name: {one[name] for one in found if name in one} for name in STREAM_LABELS}
        counted = [{"label": name, "cardinality": len(texts)} for name, texts in sorted(values.items()) if texts]
        return json_response({"detectedLabels": counted})

    def _streams(self, tenant: str, given: Given) -> Streams:
        range_ = given_range(given, hours=_HOURS)
        return Streams(self._engine, self._limits, tenant, range_.start, range_.end)


def _required(given: Given) -> LogQuery:
    query = given_selector(given)
    if query is None:
        raise UserInputError("'query': a stream selector is required")
    return query
