"""Request bodies: read within bounds of size and time, and unpacked without trusting what they claim."""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cramjam
import numpy as np
import zstandard
from numpy.typing import NDArray
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from backbone.model.errors import UserInputError
from backbone.receive.intake import Hold

Bytes = NDArray[np.uint8]

_BLOCKING_BYTES = 64 << 10
"""Bodies over this are unpacked in a thread, so that others are served meanwhile."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    max_body_bytes: int = 64 << 20
    max_decompressed_bytes: int = 128 << 20
    timeout_seconds: float = 30.0


class TooLargeError(UserInputError):
    """The body is over a bound that no later try changes (413)."""


class TooSlowError(UserInputError):
    """The body did not come within its time (408)."""


class UnknownEncodingError(UserInputError):
    """The body is packed in a way that is not known here (415)."""


async def read_body(scope: Scope, receive: Receive, hold: Hold, limits: BodyLimits) -> bytes:
    """
    Return a request's body, unpacked; *hold* counts its bytes while they are held.

    Raises:
        UserInputError: it is too large, too slow, packed in an unknown way or broken.
        LimitExceeded: there is no room for it now.
    """
    body = await receive_body(scope, receive, hold, limits)
    encoding = dict(scope["headers"]).get(b"content-encoding", b"identity").decode("latin-1").lower()
    if encoding in {"identity", ""}:
        return body
    if len(body) > _BLOCKING_BYTES:
        unpacked = await asyncio.to_thread(unpack_body, body, encoding, limits.max_decompressed_bytes)
    else:
        unpacked = unpack_body(body, encoding, limits.max_decompressed_bytes)
    hold.grow(len(unpacked))
    hold.shrink(len(body))
    return unpacked


async def receive_body(scope: Scope, receive: Receive, hold: Hold, limits: BodyLimits) -> bytes:
    """
    Return a request's body as it came; *hold* counts its bytes.

    Raises:
        UserInputError: it is too large or too slow.
        LimitExceeded: there is no room for it now.
    """
    declared = int(next((value for name, value in scope["headers"] if name == b"content-length"), b"0"))
    if declared > limits.max_body_bytes:
        raise _over(f"{declared} bytes", "http.max_body", limits.max_body_bytes)
    try:
        async with asyncio.timeout(limits.timeout_seconds):
            return await _receive_all(receive, hold, limits)
    except TimeoutError:
        raise TooSlowError(f"body: not complete after 'http.body_timeout' ({limits.timeout_seconds:g}s)") from None


def unpack_body(body: bytes, encoding: str, limit: int) -> bytes:
    """
    Return a body that is packed, unpacked.

    Raises:
        UserInputError: it is packed in an unknown way, broken, or larger than *limit* bytes.
    """
    unpack = _UNPACK.get(encoding)
    if unpack is None:
        raise UnknownEncodingError(f"content-encoding: expected identity, {', '.join(_UNPACK)}, got '{encoding}'")
    return unpack(body, limit)


async def _receive_all(receive: Receive, hold: Hold, limits: BodyLimits) -> bytes:
    chunks = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limits.max_body_bytes:
            raise _over("more", "http.max_body", limits.max_body_bytes)
        hold.grow(len(chunk))
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def _over(got: str, option: str, limit: int) -> TooLargeError:
    return TooLargeError(f"body: expected at most {limit} bytes ('{option}'), got {got}")


def _unpack_gzip(body: bytes, limit: int) -> bytes:
    # Members of a gzip file may follow one another.
    unpacked = b""
    while body:
        stream = zlib.decompressobj(wbits=31)
        try:
            unpacked += stream.decompress(body, limit + 1 - len(unpacked))
        except zlib.error as error:
            raise UserInputError(f"body: not valid gzip: {error}") from None
        if len(unpacked) > limit:
            raise _over("more when unpacked", "http.max_decompressed", limit)
        if not stream.eof:
            raise UserInputError("body: gzip ends in the middle")
        body = stream.unused_data
    return unpacked


def _unpack_deflate(body: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        unpacked = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise UserInputError(f"body: not valid deflate: {error}") from None
    if len(unpacked) > limit:
        raise _over("more when unpacked", "http.max_decompressed", limit)
    if not stream.eof:
        raise UserInputError("body: deflate ends in the middle")
    return unpacked


def _unpack_zstd(body: bytes, limit: int) -> bytes:
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    # A frame's own claim of its size is not believed: reading stops at the limit.
    with unpacker.stream_reader(io.BytesIO(body), read_across_frames=True) as reader:
        try:
            unpacked = reader.read(limit + 1)
        except zstandard.ZstdError as error:
            raise UserInputError(f"body: not valid zstd: {error}") from None
    if len(unpacked) > limit:
        raise _over("more when unpacked", "http.max_decompressed", limit)
    return bytes(unpacked)


def unpack_snappy(body: bytes, limit: int, room: Callable[[int], Bytes]) -> Bytes:
    """
    Return a body, unpacked into the room that is given for so many bytes.

    Raises:
        UserInputError: it is broken, or larger than *limit* bytes.
    """
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > limit:
            raise _over(f"{size} when unpacked", "http.max_decompressed", limit)
        unpacked = room(size)
        return unpacked[: cramjam.snappy.decompress_raw_into(body, unpacked.data)]
    except cramjam.DecompressionError as error:
        raise UserInputError(f"body: not valid snappy: {error}") from None


def _room(size: int) -> Bytes:
    return np.empty(size, np.uint8)


def _unpack_snappy(body: bytes, limit: int) -> bytes:
    return unpack_snappy(body, limit, _room).tobytes()


_UNPACK: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _unpack_gzip,
    "zstd": _unpack_zstd,
    "deflate": _unpack_deflate,
    "snappy": _unpack_snappy,
}
