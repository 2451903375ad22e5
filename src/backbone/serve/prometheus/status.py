"""
What a server says of itself, in Prometheus' words: ``status/…``, ``targets``, ``rules`` and the like.

Source: Prometheus 3.x, HTTP API, "Status".
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.query.cardinality import Counts, cardinality
from backbone.query.promql.functions import FUNCTIONS
from backbone.serve.asked import ServerFacts
from backbone.serve.given import given_parameters
from backbone.serve.prometheus.answers import failure, success
from backbone.serve.responses import build_info
from backbone.serve.running import Handler, QueryRunner
from backbone.store.engine import Engine, QueryLimits

PROMETHEUS_VERSION = "3.14.0"
"""The Prometheus whose API this is; Grafana asks what it may use."""

_MOST = 1_000


def status_routes(engine: Engine, limits: QueryLimits, runner: QueryRunner, facts: ServerFacts) -> list[Route]:
    """Return the routes of a server's own state."""
    face = _Status(engine, limits, runner, facts)
    # Nothing is scraped, judged or sent on: what there is of it is told truly.
    fixed: dict[str, Any] = {
        "targets": {"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}},
        "targets/metadata": [],
        "scrape_pools": {"scrapePools": []},
        "rules": {"groups": []},
        "alerts": {"alerts": []},
        "alertmanagers": {"activeAlertmanagers": [], "droppedAlertmanagers": []},
        "notifications": [],
        "status/walreplay": {"min": 0, "max": 0, "current": 0},
        "status/flags": dict(facts.flags),
        "status/config": {"yaml": facts.config},
        "status/buildinfo": _buildinfo(),
        "features": _features(),
    }
    return [
        runner.route("/api/v1/status/tsdb", face.tsdb, failure),
        runner.route("/api/v1/status/runtimeinfo", face.runtimeinfo, failure),
        *(runner.route(f"/api/v1/{path}", _always(data), failure) for path, data in fixed.items()),
    ]


def _always(data: Any) -> Handler:
    async def handler(request: Request, tenant: str) -> Response:
        del request, tenant
        return success(data)

    return handler


def _buildinfo() -> dict[str, str]:
    return build_info(PROMETHEUS_VERSION) | {"application": "Backbone", "backboneVersion": version("backbone")}


def _features() -> dict[str, dict[str, bool]]:
    return {
        "api": {"exemplars": True, "federate": True, "remote_read": True, "remote_write_receiver": True},
        "promql_functions": dict.fromkeys(sorted(FUNCTIONS), True),
    }


class _Status:
    def __init__(self, engine: Engine, limits: QueryLimits, runner: QueryRunner, facts: ServerFacts) -> None:
        self._engine = engine
        self._limits = limits
        self._runner = runner
        self._facts = facts

    async def tsdb(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        text = given.get("limit") or "10"
        if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= _MOST):
            raise UserInputError(f'invalid parameter "limit": expected 1 to {_MOST}, got "{text[:40]}"')
        counts = cardinality(self._engine, tenant, int(text), self._limits)
        found = await self._runner.run(request, tenant, counts)
        return success(
            {
                "headStats": {
                    "numSeries": found.series,
                    "numLabelPairs": found.label_pairs,
                    "chunkCount": 0,
                    "minTime": found.first_ms,
                    "maxTime": found.last_ms,
                },
                "seriesCountByMetricName": _named(found.series_by_metric),
                "labelValueCountByLabelName": _named(found.values_by_label),
                "memoryInBytesByLabelName": _named(found.bytes_by_label),
                "seriesCountByLabelValuePair": _named(found.series_by_pair),
            }
        )

    async def runtimeinfo(self, request: Request, tenant: str) -> Response:
        del request, tenant
        facts = self._facts
        return success(
            {
                "startTime": facts.started.isoformat().replace("+00:00", "Z"),
                "CWD": "",
                "serverTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                "reloadConfigSuccess": True,
                "lastConfigTime": facts.started.isoformat().replace("+00:00", "Z"),
                "corruptionCount": 0,
                "goroutineCount": 0,
                "GOMAXPROCS": 0,
                "GOMEMLIMIT": 0,
                "GOGC": "",
                "GODEBUG": "",
                "storageRetention": facts.retention,
                "pythonVersion": sys.version.split()[0],
            }
        )


def _named(counts: Counts) -> list[dict[str, str | int]]:
    return [{"name": name, "value": count} for name, count in counts]
