from __future__ import annotations

import io
from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.simulate.proxy import recording_app
from backbone.simulate.recording import PATHS, Recorded, Recorder, read_recording
from backbone.simulate.replay import Rate, replay

REQUESTS = st.builds(
    Recorded,
    received_ns=st.integers(0, 2**63 - 1),
    path=st.sampled_from(PATHS),
    content_type=st.text(max_size=20),
    content_encoding=st.sampled_from(["", "gzip"]),
    tenant=st.text(max_size=20),
    body=st.binary(max_size=2000),
)


def recorded(body: bytes, received_ns: int = 0) -> Recorded:
    return Recorded(received_ns, "/v1/logs", "application/x-protobuf", "", "", body)


def write(requests: list[Recorded]) -> bytes:
    file = io.BytesIO()
    recorder = Recorder(file)
    for request in requests:
        recorder.write(request)
    return file.getvalue()


@given(st.lists(REQUESTS, max_size=5))
def test_recording_gives_back_what_was_written(requests: list[Recorded]) -> None:
    assert list(read_recording(io.BytesIO(write(requests)))) == requests


@given(st.lists(REQUESTS, min_size=1, max_size=3), st.data())
def test_damage_is_told_and_never_more(requests: list[Recorded], data: st.DataObject) -> None:
    content = bytearray(write(requests))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    # Nothing else is raised: a damaged recording never stops who reads it in another way.
    with suppress(UserInputError):
        list(read_recording(io.BytesIO(content[: data.draw(st.integers(0, len(content)))])))


def test_a_frame_that_says_it_is_enormous_is_damaged() -> None:
    # Magic number, eight bytes of size and one segment, no checksum: a frame of zstd begins so.
    frame = bytes.fromhex("28b52ffd e0") + (1 << 60).to_bytes(8, "little")
    content = write([]) + len(frame).to_bytes(4, "little") + frame

    with pytest.raises(UserInputError, match=r"offset \d+: expected a request of at most 268435456 bytes, got 1152"):
        list(read_recording(io.BytesIO(content)))


def test_truncation_names_the_offset() -> None:
    content = write([recorded(b"one"), recorded(b"two")])

    with pytest.raises(UserInputError, match=r"offset \d+: expected a request of \d+ bytes, the recording ends"):
        list(read_recording(io.BytesIO(content[:-1])))


@pytest.mark.parametrize("text", ["", "x", "0x", "2", "-1x", "5/m", "fast"])
def test_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserInputError, match="expected a multiple like 2x"):
        Rate.parse(text)


@pytest.mark.parametrize(
    ("rate", "due"),
    [
        pytest.param("1x", 4.0, id="as recorded"),
        pytest.param("2x", 2.0, id="twice as fast"),
        pytest.param("10/s", 0.3, id="a number a second"),
        pytest.param("max", 0.0, id="at once"),
    ],
)
def test_rate_says_when_a_request_is_due(rate: str, due: float) -> None:
    assert Rate.parse(rate).due_seconds(3, recorded(b"", 5 * 10**9), recorded(b"", 10**9)) == pytest.approx(due)


class Server:
    """Answers each body as it is told to, and remembers which ones it took."""

    def __init__(self, refusals: dict[bytes, list[int]]) -> None:
        self.taken: list[bytes] = []
        self._refusals = refusals
        self.app = Starlette(routes=[Route(path, self._take, methods=["POST"]) for path in PATHS])

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        if self._refusals.get(body):
            return Response("not now", self._refusals[body].pop(0), {"retry-after": "0"})
        self.taken.append(body)
        return Response()

    @property
    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://server")


async def test_what_is_asked_to_come_back_is_sent_again_and_counted() -> None:
    server = Server({b"b": [429, 503], b"c": [400]})

    async with server.client as client:
        state = await replay([recorded(body) for body in (b"a", b"b", b"c")], client, Rate("max"), connections=2)

    assert sorted(server.taken) == [b"a", b"b"]
    assert (state.sent, state.acknowledged, state.failed) == (3, 2, 1)
    assert state.answers == {200: 2, 429: 1, 503: 1, 400: 1}
    assert "not now" in state.first_error


async def test_proxy_records_what_it_passes_on() -> None:
    server, file = Server({b"b": [429]}), io.BytesIO()
    app = recording_app(Recorder(file), server.client)
    headers = {"content-type": "application/x-protobuf", "x-scope-orgid": "team"}

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://proxy") as client:
        answers = [await client.post("/v1/traces", content=body, headers=headers) for body in (b"a", b"b")]

    assert [answer.status_code for answer in answers] == [200, 429]
    file.seek(0)
    requests = list(read_recording(file))
    assert [(r.path, r.body, r.tenant) for r in requests] == [
        ("/v1/traces", b"a", "team"),
        ("/v1/traces", b"b", "team"),
    ]
