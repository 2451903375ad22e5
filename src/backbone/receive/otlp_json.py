"""
OTLP/JSON to protobuf.

JSON is the encoding of browsers, scripts and tests, not of fleets: it is the one door where Python walks over items.
It differs from protobuf's own JSON: ids are hex, enums are numbers, unknown fields are ignored.

Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

import orjson
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from backbone.model.errors import UserInputError
from backbone.receive.otlp import Signal

_REQUESTS: dict[Signal, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
_IDS = {"trace_id", "span_id", "parent_span_id"}
_DEEPEST = 100
_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_Fields = dict[str, tuple[Any, Callable[[Any, str], Any] | None]]
_fields: dict[str, _Fields] = {}


def transcode(signal: Signal, body: bytes) -> bytes:
    """
    Return the protobuf form of an OTLP/JSON request.

    Raises:
        UserInputError: it is no JSON, or a value is of another type than its field; the text gives its place.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UserInputError(f"body: not valid JSON: {error}") from None
    request = _REQUESTS[signal]()
    _read(document, request, "", 0)
    return request.SerializeToString()


def _read(value: Any, message: Message, place: str, depth: int) -> None:
    if not isinstance(value, dict):
        raise _wrong(place or "body", "an object", value)
    if depth > _DEEPEST:
        raise UserInputError(f"{place}: nested deeper than {_DEEPEST} levels")
    fields = _fields_of(message)
    for name, item in value.items():
        if item is None or name not in fields:
            continue
        field, scalar = fields[name]
        here = f"{place}.{name}" if place else name
        if not field.is_repeated:
            if scalar is None:
                child = getattr(message, field.name)
                child.SetInParent()
                _read(item, child, here, depth + 1)
            else:
                setattr(message, field.name, scalar(item, here))
            continue
        if not isinstance(item, list):
            raise _wrong(here, "an array", item)
        target = getattr(message, field.name)
        if scalar is None:
            for index, element in enumerate(item):
                _read(element, target.add(), f"{here}[{index}]", depth + 1)
        else:
            target.extend([scalar(element, f"{here}[{index}]") for index, element in enumerate(item)])


def _fields_of(message: Message) -> _Fields:
    name = message.DESCRIPTOR.full_name
    if name not in _fields:
        # Names come in lowerCamelCase; as they stand in the schema they are taken as well, as protobuf's JSON does.
        _fields[name] = {
            spelling: (field, _scalar(field))
            for field in message.DESCRIPTOR.fields
            for spelling in (field.json_name, field.name)
        }
    return _fields[name]


def _scalar(field: Any) -> Callable[[Any, str], Any] | None:
    """Return what reads a field's values, nothing for a field that holds messages."""
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_MESSAGE:
        return None
    if kind == FieldDescriptor.CPPTYPE_STRING and field.type == FieldDescriptor.TYPE_BYTES:
        return _identifier if field.name in _IDS else _bytes
    return _READERS.get(kind) or _integer_of(kind)


def _integer_of(kind: int) -> Callable[[Any, str], int]:
    bits = 64 if kind in {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64} else 32
    if kind in {FieldDescriptor.CPPTYPE_UINT64, FieldDescriptor.CPPTYPE_UINT32}:
        return _integer(0, 2**bits - 1)
    return _integer(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _string(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise _wrong(place, "a string", value)
    return value


def _identifier(value: Any, place: str) -> bytes:
    try:
        return bytes.fromhex(_string(value, place))
    except ValueError:
        raise _wrong(place, "hexadecimal digits", value) from None


def _bytes(value: Any, place: str) -> bytes:
    text = _string(value, place).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise _wrong(place, "base64", value) from None


def _double(value: Any, place: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        return _NUMBERS[value] if value in _NUMBERS else float(_string(value, place))
    except (TypeError, ValueError):
        raise _wrong(place, "a number", value) from None


def _boolean(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(place, "true or false", value)
    return value


def _integer(lowest: int, highest: int) -> Callable[[Any, str], int]:
    def read(value: Any, place: str) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            raise _wrong(place, "an integer", value) from None
        if isinstance(value, bool) or number != (value if isinstance(value, float) else number):
            raise _wrong(place, "an integer", value)
        if not lowest <= number <= highest:
            raise _wrong(place, f"an integer from {lowest} to {highest}", value)
        return number

    return read


_READERS: dict[int, Callable[[Any, str], Any]] = {
    FieldDescriptor.CPPTYPE_STRING: _string,
    FieldDescriptor.CPPTYPE_DOUBLE: _double,
    FieldDescriptor.CPPTYPE_FLOAT: _double,
    FieldDescriptor.CPPTYPE_BOOL: _boolean,
}


def _wrong(place: str, expected: str, got: Any) -> UserInputError:
    return UserInputError(f"{place}: expected {expected}, got {_kind(got)}")


def _kind(value: Any) -> str:
    """Return what a value is; the value itself may be a secret and is told nobody."""
    match value:
        case str():
            return f"a string of {len(value)} characters"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case list():
            return "an array"
        case dict():
            return "an object"
        case _:
            return "null"
