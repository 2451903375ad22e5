"""Responses of every face."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response


def json_response(body: Any) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


def build_info(version: str) -> dict[str, str]:
    """Return what a server says of its build; only the version, of the API that it has, is of use to clients."""
    return {"version": version, **dict.fromkeys(("revision", "branch", "buildUser", "buildDate", "goVersion"), "")}
