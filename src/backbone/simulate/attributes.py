"""Attributes as OTLP has them, from plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

Value = str | bool | int | float
Attributes = Mapping[str, Value]


def key_values(attributes: Attributes) -> Iterable[KeyValue]:
    """Return attributes as messages, in order."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def any_value(value: Value) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case _:
            return AnyValue(string_value=value)


MAX_ITEMS = 4000
"""Spans or records in a request, so that it stays below the 4 MiB that servers of gRPC take unless told otherwise."""
