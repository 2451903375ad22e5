"""Remote read: which kind of answer is given, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import cramjam
import httpx
import pytest

from backbone.model.time import now_ns
from backbone.query.promql.source import Selection
from backbone.query.remote_read import read_request
from backbone.query.selectors import Matcher
from tests.stored import Stored

_MS = now_ns() // 1_000_000 // 60_000 * 60_000 - 600_000


def _packed(body: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(body))


def _request(*matchers: Matcher, accepts: Sequence[int] = (0,)) -> bytes:
    body = read_request(Selection(matchers, _MS - 1, _MS + 300_000))
    # Field 2, accepted_response_types, is what `read_request` wrote last.
    return _packed(body[: body.rindex(b"\x12")] + b"\x12" + bytes([len(accepts), *accepts]))


_DEPTH = Matcher("__name__", "=", "depth")


async def _seed(stored: Stored) -> str:
    tenant = stored.tenant()
    for shard in range(3):
        samples = [(_MS + at * 1_000, float(at * shard)) for at in range(200)]
        await stored.samples(tenant, {"__name__": "depth", "shard": f"s{shard}"}, samples)
    return tenant


@pytest.mark.parametrize(
    ("accepts", "kind", "packed"),
    [
        ((0,), "application/x-protobuf", "snappy"),
        ((1, 0), "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse", None),
        ((0, 1), "application/x-protobuf", "snappy"),
        ((7, 1), "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse", None),
    ],
)
async def test_the_kind_of_answer_is_the_first_that_is_known(
    stored: Stored, client: httpx.AsyncClient, accepts: Sequence[int], kind: str, packed: str | None
) -> None:
    headers = {"X-Scope-OrgID": await _seed(stored)}

    answer = await client.post("/api/v1/read", content=_request(_DEPTH, accepts=accepts), headers=headers)

    assert answer.status_code == 200, answer.text
    assert (answer.headers["content-type"], answer.headers.get("content-encoding")) == (kind, packed)
    assert len(answer.content) > 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "snappy-compressed ReadRequest"),
        (b"nonsense", "snappy-compressed ReadRequest"),
        (_packed(b"\xff\xff"), "expected a ReadRequest"),
        (_packed(b"\x0a\x80\x80\x80\x80\x10"), "expected a ReadRequest"),
        (b"\xff\xff\xff\xff\x0f", "body:"),
        (_request(Matcher("", "=", "x")), "a matcher without a label's name"),
        (_request(Matcher("a", "=~", "(")), "queries[0].matchers"),
        (b" " * (2 << 20), "body: more than"),
    ],
)
async def test_nonsense_is_refused(client: httpx.AsyncClient, body: bytes, said: str) -> None:
    answer = await client.post("/api/v1/read", content=body)

    assert answer.status_code == 400
    assert said in answer.text
