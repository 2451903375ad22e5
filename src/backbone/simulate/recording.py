"""
Recorded requests: a file of request bodies as they came, to be sent again.

The file is a line that says what it is, then one frame per request: four bytes of length (little endian), then that
many bytes of zstd. Unpacked, a frame is a line of JSON (path, content type and encoding, tenant, time of receipt) and
the body.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import orjson
import zstandard

from backbone.model.errors import UserInputError

_MAGIC = b"backbone recording 1\n"
_MAX_FRAME_BYTES = 256 << 20
PATHS = ("/v1/traces", "/v1/logs", "/v1/metrics", "/api/v1/write")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it came."""

    received_ns: int
    path: str
    content_type: str
    content_encoding: str
    tenant: str
    body: bytes


class Recorder:
    """Writes a recording; what it has written is whole after each request."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._packer = zstandard.ZstdCompressor(level=1)
        self.requests = 0
        file.write(_MAGIC)

    @classmethod
    def create(cls, path: Path) -> Self:
        return cls(path.open("wb"))

    def write(self, request: Recorded) -> None:
        head = asdict(request)
        body = head.pop("body")
        frame = self._packer.compress(orjson.dumps(head) + b"\n" + body)
        self._file.write(len(frame).to_bytes(4, "little") + frame)
        self._file.flush()
        self.requests += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_recording(file: BinaryIO) -> Iterator[Recorded]:
    """
    Yield the requests of a recording, one at a time.

    Raises:
        UserInputError: the file is no recording, or ends or breaks in the middle; the text names the offset.
    """
    if file.read(len(_MAGIC)) != _MAGIC:
        raise UserInputError("offset 0: expected a recording, made by 'backbone replay record'")
    unpacker = zstandard.ZstdDecompressor()
    while length := file.read(4):
        offset = file.tell() - len(length)
        size = int.from_bytes(length, "little")
        frame = file.read(size) if len(length) == 4 and size <= _MAX_FRAME_BYTES else b""
        if len(frame) != size or not frame:
            raise UserInputError(
                f"offset {offset}: expected a request of {size} bytes, the recording ends or is damaged"
            )
        try:
            unpacked = zstandard.frame_content_size(frame)
            if unpacked > _MAX_FRAME_BYTES:
                raise UserInputError(
                    f"offset {offset}: expected a request of at most {_MAX_FRAME_BYTES} bytes, got {unpacked}"
                )
            head, _, body = unpacker.decompress(frame, max_output_size=_MAX_FRAME_BYTES).partition(b"\n")
            yield Recorded(**orjson.loads(head), body=body)
        except (zstandard.ZstdError, orjson.JSONDecodeError, TypeError) as error:
            raise UserInputError(f"offset {offset}: expected a request, got damaged bytes: {error}") from None
