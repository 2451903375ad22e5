"""
Prometheus' metadata endpoints: series, labels, label values, metadata.

Source: Prometheus 3.x, HTTP API, "Querying metadata". Parameters it does not know are passed over, as Prometheus does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.catalog import Catalog
from backbone.query.promql.parser import parse_selector
from backbone.query.promql.source import Report
from backbone.query.series import SeriesFilter, find_metadata
from backbone.query.times import LATEST_NS, parse_time_ns
from backbone.serve.given import Given, given_parameters
from backbone.serve.prometheus.answers import failure, success
from backbone.serve.prometheus.given import result_limit
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits

_METHODS = ("GET", "POST")


def metadata_routes(engine: Engine, catalog: Catalog, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """Return the routes of series, labels, their values and metadata."""
    face = _Metadata(engine, catalog, limits, runner)
    return [
        runner.route("/api/v1/series", face.series, failure, _METHODS),
        runner.route("/api/v1/labels", face.labels, failure, _METHODS),
        runner.route("/api/v1/label/{name:path}/values", face.values, failure),
        runner.route("/api/v1/metadata", face.metadata, failure),
    ]


class _Metadata:
    def __init__(self, engine: Engine, catalog: Catalog, limits: QueryLimits, runner: QueryRunner) -> None:
        self._engine = engine
        self._catalog = catalog
        self._limits = limits
        self._runner = runner

    async def series(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        wanted, limit = _filter(given), result_limit(given)
        if not wanted.selectors:
            raise UserInputError("'match[]': at least one is required")
        report = Report()
        asked = self._catalog.series(tenant, wanted, limit + 1, report)
        return _some(await self._runner.run(request, tenant, asked), limit, report)

    async def labels(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        wanted, limit = _filter(given), result_limit(given)
        report = Report()
        asked = self._catalog.names(tenant, wanted, limit + 1, report)
        return _some(await self._runner.run(request, tenant, asked), limit, report)

    async def values(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        wanted, limit = _filter(given), result_limit(given)
        label = request.path_params["name"]
        report = Report()
        asked = self._catalog.values(tenant, label, wanted, limit + 1, report)
        return _some(await self._runner.run(request, tenant, asked), limit, report)

    async def metadata(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        asked = find_metadata(self._engine, tenant, given.get("metric", ""), result_limit(given), self._limits)
        found = await self._runner.run(request, tenant, asked)
        return success({one.metric: [{"type": one.type, "help": one.help, "unit": one.unit}] for one in found})


def _filter(given: Given) -> SeriesFilter:
    now = now_ns()
    start = parse_time_ns(given["start"], "start", now_ns=now) if given.get("start") else 0
    end = parse_time_ns(given["end"], "end", now_ns=now) if given.get("end") else LATEST_NS
    if end < start:
        raise UserInputError("'end': is before 'start'")
    return SeriesFilter(start, end, [parse_selector(text) for text in given.getlist("match[]")])


def _some(found: Sequence[Any], limit: int, report: Report) -> Response:
    warnings = [*report.warnings, *(["results truncated due to limit"] if len(found) > limit else [])]
    return success(found[:limit], warnings)
