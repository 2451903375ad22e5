"""Requests with something wrong with them, made from sound ones; the same seed makes the same ones."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import zstandard
from google.protobuf.json_format import MessageToDict

from tests.robustness import hostile
from tests.robustness.bodies import snappy

Mutator = Callable[[random.Random, bytes], bytes]
PROTOBUF, JSON = "application/x-protobuf", "application/json"


@dataclass(frozen=True, slots=True)
class Sending:
    """A request as it goes over the wire."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    what: str = "sound"


def _truncate(chance: random.Random, body: bytes) -> bytes:
    return body[: chance.randrange(len(body))]


def _flip_bits(chance: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.choice([1, 1, 2, 8, 64])):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _set_bytes(chance: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.choice([1, 2, 16])):
        changed[chance.randrange(len(changed))] = chance.choice([0, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    return bytes(changed)


def _cut_out(chance: random.Random, body: bytes) -> bytes:
    start = chance.randrange(len(body))
    return body[:start] + body[start + chance.randrange(1, 40) :]


def _double(chance: random.Random, body: bytes) -> bytes:
    start = chance.randrange(len(body))
    end = start + chance.randrange(1, 200)
    return body[:end] + body[start:]


def _insert(chance: random.Random, body: bytes) -> bytes:
    at = chance.randrange(len(body))
    return body[:at] + chance.randbytes(chance.randrange(1, 40)) + body[at:]


def _noise(chance: random.Random, body: bytes) -> bytes:
    return chance.randbytes(chance.randrange(1, 2000))


def _swap(chance: random.Random, body: bytes) -> bytes:
    first, second = sorted((chance.randrange(len(body)), chance.randrange(len(body))))
    return body[second:] + body[first:second] + body[:first]


BYTES: Sequence[Mutator] = (_truncate, _flip_bits, _set_bytes, _cut_out, _double, _insert, _noise, _swap)


def mutate_bytes(chance: random.Random, body: bytes) -> tuple[bytes, str]:
    mutator = chance.choice(BYTES)
    return mutator(chance, body), mutator.__name__.strip("_")


def _wrong_encoding(chance: random.Random, body: bytes) -> Sending:
    encoding = chance.choice(["gzip", "zstd", "deflate", "snappy", "br", "gzip, gzip", "?", "GZIP"])
    return Sending(body, {"content-encoding": encoding}, f"claims to be {encoding!r}")


def _broken_pack(chance: random.Random, body: bytes) -> Sending:
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "zstd": zstandard.compress,
        "deflate": zlib.compress,
        "snappy": snappy,
    }
    encoding = chance.choice(list(packers))
    packed, how = mutate_bytes(chance, packers[encoding](body))
    return Sending(packed, {"content-encoding": encoding}, f"{encoding}, {how}")


def _bomb(chance: random.Random, body: bytes) -> Sending:
    name, encoding, packed = chance.choice(hostile.bombs())
    return Sending(packed, {"content-encoding": encoding}, name)


def _wrong_type(chance: random.Random, body: bytes) -> Sending:
    kind = chance.choice(["text/plain", "application/xml", "", "application/json", "multipart/form-data; boundary=x"])
    return Sending(body, {"content-type": kind}, f"content-type {kind!r}")


_TRANSPORT = (_wrong_encoding, _broken_pack, _bomb, _wrong_type)


def mutate_http(chance: random.Random, body: bytes, hostiles: Sequence[bytes]) -> Sending:
    """Return a request made from a sound *body*, or one of *hostiles*, in protobuf."""
    draw = chance.random()
    if draw < 0.15:
        return chance.choice(_TRANSPORT)(chance, body)
    if draw < 0.45:
        return Sending(chance.choice(hostiles), what="hostile")
    changed, how = mutate_bytes(chance, body)
    return Sending(changed, what=how)


def mutate_json(chance: random.Random, message: Any) -> Sending:
    """Return a request in JSON made from a sound message."""
    document = MessageToDict(message)
    headers = {"content-type": JSON}
    if chance.random() < 0.5:
        text = json.dumps(document).encode()
        changed, how = mutate_bytes(chance, text)
        return Sending(changed, headers, f"JSON, {how}")
    _replace_somewhere(chance, document)
    return Sending(json.dumps(document).encode(), headers, "JSON, value replaced")


_VALUES: Sequence[Any] = (
    None, True, -1, 0, 2**63, 2**64, 1e308, "", "x", "NaN", [], {}, [[]], [None], {"a": 1}, "\ud800", "9" * 400, "0x1",
)  # fmt: skip


def _replace_somewhere(chance: random.Random, document: Any) -> None:
    place = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.85:
            place = place[key]
            continue
        place[key] = chance.choice(_VALUES)
        return
