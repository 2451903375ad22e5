"""A reader of remote write, enough of one to check the writer with."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import cramjam


def fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield the fields of a protobuf message, number and content: enough of a reader to check the writer with."""
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(message):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
            continue
        length = varint() if tag & 7 == 2 else 8
        yield tag >> 3, message[position : position + length]
        position += length


def samples_in(body: bytes) -> Iterator[tuple[Mapping[str, str], float, int]]:
    """Yield labels, value and time in milliseconds of each sample of a remote-write body."""
    for _, series in fields(bytes(cramjam.snappy.decompress_raw(body))):
        assert isinstance(series, bytes)
        contents = [(number, dict(fields(part))) for number, part in fields(series) if isinstance(part, bytes)]
        labels = {bytes(c[1]).decode(): bytes(c[2]).decode() for number, c in contents if number == 1}
        for sample in (content for number, content in contents if number == 2):
            yield labels, struct.unpack("<d", sample[1])[0], int(sample[2])  # type: ignore[arg-type]
