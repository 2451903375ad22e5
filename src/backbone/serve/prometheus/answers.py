"""Answers and errors in the shape of Prometheus' API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.responses import Response

from backbone.model.errors import BackboneError, LimitExceeded
from backbone.serve.errors import json_error

_TIMEOUTS = frozenset({"store.query.timeout", "promql.timeout"})


def success(data: Any, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> Response:
    """Return *data* as an answer."""
    return success_bytes(orjson.dumps(data), warnings, infos)


def success_bytes(data: bytes, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> Response:
    """Return data that is JSON already as an answer."""
    parts = [b'{"status":"success","data":', data]
    for name, texts in ((b"warnings", warnings), (b"infos", infos)):
        if texts:
            parts += [b',"', name, b'":', orjson.dumps(list(texts))]
    return Response(b"".join([*parts, b"}"]), media_type="application/json")


def failure(error: BackboneError) -> Response:
    """Return an error as Prometheus words its kind; a query that takes too long is a ``timeout``."""
    if isinstance(error, LimitExceeded) and error.limit in _TIMEOUTS:
        body = {"status": "error", "errorType": "timeout", "error": str(error)}
        return Response(orjson.dumps(body), 503, media_type="application/json")
    return json_error(error)
