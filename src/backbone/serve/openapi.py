"""The OpenAPI document of our own API, from the same declarations that parse its requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from backbone import __version__
from backbone.model.tenant import Tenants
from backbone.serve.answers import Refusal
from backbone.serve.parameters import Parameters

P = TypeVar("P", bound=Parameters)

_REFUSALS = {
    "400": "What was asked cannot be understood",
    "404": "It is not there",
    "422": "It was understood, and is more than one query may do",
    "429": "Too many queries of this tenant run at once",
    "503": "The engine is not able now",
}


@dataclass(frozen=True, slots=True)
class Operation(Generic[P]):
    """
    A path and a method: what is asked and what is answered.

    ``parameters`` come from the path and the query, or as the JSON body where the method is POST.
    """

    path: str
    summary: str
    parameters: type[P]
    answer: type[BaseModel]
    method: Literal["GET", "POST", "DELETE"] = "GET"


def openapi(prefix: str, tenants: Tenants, operations: Sequence[Operation[Any]]) -> dict[str, Any]:
    """Return the document for *operations*, whose paths stand under *prefix*."""
    models: set[type[BaseModel]] = {Refusal, *(o.answer for o in operations), *(o.parameters for o in operations)}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "validation") for model in ordered], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Backbone",
            "version": __version__,
            "description": "Ask for what Backbone keeps: traces, logs, metrics.",
        },
        "paths": _paths(prefix, tenants, operations, schemas["$defs"]),
        "components": {"schemas": schemas["$defs"]},
    }


def _paths(
    prefix: str, tenants: Tenants, operations: Sequence[Operation[Any]], schemas: dict[str, Any]
) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(prefix + operation.path, {}).update(_path(operation, tenants, schemas))
    return paths


def _path(operation: Operation[Any], tenants: Tenants, schemas: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.method.lower() + re.sub(r"\W+", "_", operation.path).rstrip("_"),
        "summary": operation.summary,
        "parameters": [_tenant(tenants)],
        "responses": {
            "200": _response("The answer", operation.answer),
            **{status: _response(text, Refusal) for status, text in _REFUSALS.items()},
        },
    }
    if operation.method == "POST":
        described["requestBody"] = {"required": True, "content": _content(operation.parameters)}
    else:
        schema = schemas[operation.parameters.__name__]
        described["parameters"] += [
            _parameter(name, field, operation, required=name in schema.get("required", ()))
            for name, field in schema.get("properties", {}).items()
        ]
    return {operation.method.lower(): described}


def _parameter(name: str, field: dict[str, Any], operation: Operation[Any], *, required: bool) -> dict[str, Any]:
    in_path = f"{{{name}}}" in operation.path
    return {
        "name": name,
        "in": "path" if in_path else "query",
        "required": required or in_path,
        "description": field.get("description", ""),
        "schema": {key: value for key, value in field.items() if key not in {"description", "title"}},
    }


def _response(text: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"description": text, "content": _content(model)}


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


def _tenant(tenants: Tenants) -> dict[str, Any]:
    return {
        "name": tenants.header,
        "in": "header",
        "required": False,
        "description": "Whose telemetry is asked for.",
        "schema": {"type": "string", "pattern": r"^[A-Za-z0-9!_.*'()\-]{1,150}$", "default": tenants.default},
    }
