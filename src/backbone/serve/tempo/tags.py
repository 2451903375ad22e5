"""Names and values of tags, of the first and the second version of the API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.query.traceql.ast import Attribute, Field, Intrinsic
from backbone.query.traceql.errors import TraceQLSyntaxError
from backbone.query.traceql.parser import parse
from backbone.query.traceql.tags import INTRINSICS, SCOPES, attribute_names, attribute_values
from backbone.query.traceql.walk import told
from backbone.serve.errors import text_error
from backbone.serve.given import Given, given_parameters
from backbone.serve.responses import json_response
from backbone.serve.running import QueryRunner
from backbone.serve.tempo.given import given_count, given_window
from backbone.store.engine import Engine, QueryLimits

_MOST = 5_000
_TYPES = {"int_value": "int", "double_value": "float", "bool_value": "bool"}
_KEYWORDS = frozenset({"span:status", "span:kind"})


def tag_routes(engine: Engine, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """Return the routes of tags."""
    face = _Tags(engine, limits, runner)
    return [
        runner.route("/api/search/tags", face.names, text_error),
        runner.route("/api/v2/search/tags", face.scoped_names, text_error),
        runner.route("/api/search/tag/{name:path}/values", face.values, text_error),
        runner.route("/api/v2/search/tag/{name:path}/values", face.typed_values, text_error),
    ]


class _Tags:
    def __init__(self, engine: Engine, limits: QueryLimits, runner: QueryRunner) -> None:
        self._engine = engine
        self._limits = limits
        self._runner = runner

    async def names(self, request: Request, tenant: str) -> Response:
        found = await self._names(request, tenant)
        return json_response({"tagNames": sorted({name for names in found.values() for name in names}), "metrics": {}})

    async def scoped_names(self, request: Request, tenant: str) -> Response:
        found = await self._names(request, tenant)
        return json_response(
            {"scopes": [{"name": scope, "tags": names} for scope, names in found.items() if names], "metrics": {}}
        )

    async def _names(self, request: Request, tenant: str) -> dict[str, list[str]]:
        given = await given_parameters(request)
        scope = given.get("scope", "")
        if scope not in {"", "none", "intrinsic", *SCOPES}:
            raise UserInputError(f"'scope': invalid scope {scope[:40]!r}, there are intrinsic, {', '.join(SCOPES)}")
        window, most = given_window(given), given_count(given, "limit", _MOST, _MOST)
        wanted = SCOPES if scope in {"", "none"} else [scope] if scope in SCOPES else []

        async def found() -> dict[str, list[str]]:
            return {one: await attribute_names(self._engine, tenant, window, one, most, self._limits) for one in wanted}

        names = await self._runner.run(request, tenant, found())
        return names | ({"intrinsic": list(INTRINSICS)} if scope in {"", "none", "intrinsic"} else {})

    async def values(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        name = request.path_params["name"]
        # The first version knows no scopes.
        field = _field(name if name in INTRINSICS else f".{name}")
        found = await self._values(request, tenant, given, field)
        return json_response({"tagValues": [text for _, text in found], "metrics": {}})

    async def typed_values(self, request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        field = _field(request.path_params["name"])
        found = await self._values(request, tenant, given, field)
        keyword = isinstance(field, Intrinsic) and field.name in _KEYWORDS
        shown = [{"type": "keyword" if keyword else _TYPES.get(kind, "string"), "value": text} for kind, text in found]
        return json_response({"tagValues": shown, "metrics": {}})

    async def _values(self, request: Request, tenant: str, given: Given, field: Field) -> list[tuple[str, str]]:
        within = parse(given["q"]).pipeline if given.get("q") else None
        window, most = given_window(given), given_count(given, "limit", _MOST, _MOST)
        asked = attribute_values(self._engine, tenant, window, field, within, most, self._limits)
        return await self._runner.run(request, tenant, asked)


def _field(name: str) -> Field:
    """Return the field that a tag is."""
    try:
        [field, *_] = told(parse(f"{{ {name} = nil }}").pipeline)
    except (TraceQLSyntaxError, ValueError):
        raise UserInputError(f"tag name {name[:100]!r}: expected an intrinsic or a scoped attribute") from None
    assert isinstance(field, (Attribute, Intrinsic))
    return field
