"""Remote read at ``/api/v1/read``. Source: Prometheus 3.x, "Remote read API"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import islice

import cramjam
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.query.promql.source import Report, Source
from backbone.query.promql.values import Series
from backbone.query.remote_read import ReadRequest, chunked_frames, cut, parse_request, read_response
from backbone.serve.bodies import read_body
from backbone.serve.errors import text_error
from backbone.serve.running import QueryRunner

_MOST_QUERIES = 100
_MOST_BYTES = 16 << 20
_FRAMES_AT_A_TIME = 64
_STREAMED_TYPE = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"


def remote_read_routes(source: Source, runner: QueryRunner) -> list[Route]:
    """Return the route of remote read."""

    async def read(request: Request, tenant: str) -> Response:
        asked = parse_request(_unpacked(await read_body(request)))
        if len(asked.selections) > _MOST_QUERIES:
            raise UserInputError(f"queries: more than {_MOST_QUERIES}")
        results = await runner.run(request, tenant, _select(source, tenant, asked))
        # Only samples can be native histograms here.
        if asked.takes_chunks and not (asked.takes_samples and any(series.histograms for series in results)):
            return StreamingResponse(_streamed(results), media_type=_STREAMED_TYPE)
        body = await asyncio.to_thread(read_response, results)
        return Response(
            bytes(cramjam.snappy.compress_raw(body)),
            headers={"Content-Encoding": "snappy"},
            media_type="application/x-protobuf",
        )

    return [runner.route("/api/v1/read", read, text_error, ("POST",))]


def _unpacked(body: bytes) -> bytes:
    try:
        if cramjam.snappy.decompress_raw_len(body) > _MOST_BYTES:
            raise UserInputError(f"body: more than {_MOST_BYTES} bytes, unpacked")
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError:
        raise UserInputError("body: expected a snappy-compressed ReadRequest") from None


async def _select(source: Source, tenant: str, asked: ReadRequest) -> list[Series]:
    return [cut(await source.select(tenant, wanted, Report()), wanted) for wanted in asked.selections]


async def _streamed(results: list[Series]) -> AsyncIterator[bytes]:
    frames = chunked_frames(results)

    def some() -> bytes:
        return b"".join(islice(frames, _FRAMES_AT_A_TIME))

    while piece := await asyncio.to_thread(some):
        yield piece
