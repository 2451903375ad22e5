"""What a request gives: parameters in its address and, where it is a form, in its body."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request

from backbone.serve.bodies import read_body

Given = ImmutableMultiDict[str, Any]


async def given_parameters(request: Request) -> Given:
    """Return the parameters of the address and, where it is a form, of the body."""
    pairs = request.query_params.multi_items()
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        body = (await read_body(request)).decode(errors="replace")
        pairs += parse_qsl(body, keep_blank_values=True, max_num_fields=1_000)
    return ImmutableMultiDict(pairs)
