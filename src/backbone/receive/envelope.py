"""
What a request carries besides its message: whose it is and when it came.

Protobuf messages put together are one message, so tenant and time are appended as two more fields. That is safe only if
the bytes before them are a whole message and do not bring these fields themselves; `check` sees to both.
"""

from __future__ import annotations

import struct

import xxhash
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from backbone.model.errors import UserInputError

_TENANT, _RECEIVED = 1000, 1001
_FIXED64, _LENGTH_DELIMITED = 1, 2
_FIRST_FIELD = 1 << 3 | _LENGTH_DELIMITED
_FEW = 100
"""Fields that are looked at here; a body of more is looked at in C."""


def check(body: bytes) -> None:
    """
    Refuse bytes that are not the fields of a message, one after the other up to the end, or that use our own.

    Only the outermost fields are looked at, without unpacking what they hold.

    Raises:
        UserInputError: the bytes cannot be passed on.
    """
    if _is_plain(body):
        return
    try:
        envelope = _Envelope.FromString(body)
    except message.DecodeError:
        raise UserInputError(f"body: expected a protobuf message, got {len(body)} bytes that are none") from None
    if envelope.ListFields():
        raise UserInputError(f"body: field {envelope.ListFields()[0][0].number} is reserved for the receiver")


def pieces(body: bytes, tenant: str, received_ns: int) -> tuple[bytes, bytes, bytes]:
    """
    Return what makes up the message with its envelope, preceded by its length, as the engine reads it from a stream.

    The body stands in the middle as it is: bodies are large, and each copy costs.
    """
    name = tenant.encode()
    suffix = b"".join(
        (
            varint(_TENANT << 3 | _LENGTH_DELIMITED),
            varint(len(name)),
            name,
            varint(_RECEIVED << 3 | _FIXED64),
            struct.pack("<Q", received_ns),
        )
    )
    return varint(len(body) + len(suffix)), body, suffix


def seal(body: bytes, tenant: str, received_ns: int) -> bytes:
    """Return the `pieces` put together."""
    return b"".join(pieces(body, tenant, received_ns))


def digest(body: bytes, tenant: str) -> bytes:
    """Return what tells a request from all others, so that one sent again is known."""
    return xxhash.xxh3_128_digest(body, seed=xxhash.xxh3_64_intdigest(tenant.encode()))


def varint(number: int) -> bytes:
    """Return a number in protobuf's variable length."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _is_plain(body: bytes) -> bool:
    """Tell whether *body* is nothing but a few messages in the field 1, as requests of OpenTelemetry are."""
    at, end = 0, len(body)
    for _ in range(_FEW):
        if at == end:
            return True
        if body[at] != _FIRST_FIELD:
            return False
        size, at = _varint_at(body, at + 1)
        at += size
        if not size or at > end:
            return False
    return at == end


def _varint_at(body: bytes, at: int) -> tuple[int, int]:
    """Return the number of up to 35 bits that stands at a place, and the place after it; 0 where there is none."""
    number = 0
    for place, byte in enumerate(body[at : at + 5]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, at + place + 1
    return 0, at


def _envelope_class() -> type[message.Message]:
    file = descriptor_pb2.FileDescriptorProto(name="backbone/envelope.proto", package="backbone", syntax="proto3")
    envelope = file.message_type.add(name="Envelope")
    field = descriptor_pb2.FieldDescriptorProto
    # Bytes, not string: whatever a sender puts there is to be refused as ours, not as bad text.
    envelope.field.add(name="tenant", number=_TENANT, type=field.TYPE_BYTES, label=field.LABEL_REPEATED)
    envelope.field.add(name="received_ns", number=_RECEIVED, type=field.TYPE_FIXED64, label=field.LABEL_REPEATED)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("backbone.Envelope"))


_Envelope = _envelope_class()
