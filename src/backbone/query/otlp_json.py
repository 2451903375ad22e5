"""
OTLP messages as JSON.

OTLP/JSON is protobuf's JSON with two differences, which is why protobuf's own printer does not serve: trace and span
ids are hexadecimal, and enums are numbers.

Source: OpenTelemetry protocol specification 1.x, "JSON Protobuf Encoding".
"""

from __future__ import annotations

from base64 import b64encode
from math import isfinite, isnan
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_IDS = frozenset({"trace_id", "span_id", "parent_span_id"})
_LONG = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    }
)


def otlp_json(message: Message) -> dict[str, Any]:
    """Return *message* as the object that its OTLP/JSON is; fields that are not set are left out."""
    found = {}
    for field, value in message.ListFields():
        repeated = isinstance(value, str | bytes) is False and hasattr(value, "__len__")
        found[field.json_name] = [_json(field, item) for item in value] if repeated else _json(field, value)
    return found


def _json(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, Message):
        return otlp_json(value)
    if isinstance(value, bytes):
        return value.hex() if field.name in _IDS else b64encode(value).decode()
    if field.type in _LONG:
        return str(value)
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
