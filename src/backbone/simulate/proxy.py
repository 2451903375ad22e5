"""Records requests on their way: takes what the server's doors take, writes it down and passes it on."""

from __future__ import annotations

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.time import now_ns
from backbone.simulate.recording import PATHS, Recorded, Recorder

_PASSED_ON = ("content-type", "retry-after")


def recording_app(recorder: Recorder, forward: httpx.AsyncClient | None) -> Starlette:
    """Return the application; without *forward* it answers itself that all is well."""

    async def take(request: Request) -> Response:
        body = await request.body()
        headers = request.headers
        recorder.write(
            Recorded(
                received_ns=now_ns(),
                path=request.url.path,
                content_type=headers.get("content-type", ""),
                content_encoding=headers.get("content-encoding", ""),
                tenant=headers.get("x-scope-orgid", ""),
                body=body,
            )
        )
        if forward is None:
            return Response(status_code=204 if request.url.path == "/api/v1/write" else 200)
        sent = {name: value for name, value in headers.items() if name not in {"host", "connection"}}
        try:
            answer = await forward.post(request.url.path, content=body, headers=sent)
        except httpx.HTTPError as error:
            return Response(f"no answer from the server behind: {error}\n", 502)
        kept = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
        return Response(answer.content, answer.status_code, kept)

    return Starlette(routes=[Route(path, take, methods=["POST"]) for path in PATHS])
