"""Bodies of requests, bounded."""

from __future__ import annotations

from starlette.requests import Request

from backbone.model.errors import UserInputError

MAX_BODY_BYTES = 1 << 20


async def read_body(request: Request) -> bytes:
    """
    Return the body of a question.

    Raises:
        UserInputError: it is longer than any question needs.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise UserInputError(f"body: more than {MAX_BODY_BYTES} bytes")
    return bytes(body)
