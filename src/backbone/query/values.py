"""
Attributes as they were sent, told from how they are stored.

`backbone.process.values` says how a value becomes text; here the text, and the kind kept beside it, become
OpenTelemetry's AnyValue again.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from math import isfinite, isnan
from typing import Any

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

Plain = str | bool | int | float | bytes | list[Any] | dict[str, Any] | None


_BOOLS = {"true": True, "false": False}
_SCALARS: dict[str, Callable[[str], AnyValue]] = {
    "string_value": lambda text: AnyValue(string_value=text),
    "int_value": lambda text: AnyValue(int_value=int(text)),
    "double_value": lambda text: AnyValue(double_value=float(text)),
    "bool_value": lambda text: AnyValue(bool_value=_BOOLS[text]) if text in _BOOLS else AnyValue(string_value=text),
    "bytes_value": lambda text: AnyValue(bytes_value=b64decode(text, validate=True)),
}

_ENCODED = ("bytesValue", "arrayProto", "kvlistProto")
_JSON_SCALARS: dict[type, Callable[[Any], AnyValue]] = {
    str: lambda value: AnyValue(string_value=value),
    bool: lambda value: AnyValue(bool_value=value),
    int: lambda value: AnyValue(int_value=value),
    float: lambda value: AnyValue(double_value=value),
}


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its keys in order, also those given twice."""


def any_value(text: str, kind: str) -> AnyValue:
    """
    Return the value whose stored form is *text*; *kind* is the member of AnyValue, empty where none was set.

    Where policy put something else in the place of what was sent, the text is no longer of its kind: it is a string.
    """
    if not kind:
        return AnyValue(string_value=text) if text else AnyValue()
    try:
        if kind in {"array_value", "kvlist_value"}:
            return _from_json(json.loads(text, object_pairs_hook=_Pairs))
        return _SCALARS[kind](text)
    except (KeyError, ValueError):
        return AnyValue(string_value=text)


def key_values(stored: Mapping[str, str], kinds: str) -> list[KeyValue]:
    """Return the attributes of a map column; *kinds* is the text of its column of kinds."""
    others: dict[str, str] = orjson.loads(kinds) if kinds else {}
    return [KeyValue(key=key, value=any_value(text, others.get(key, "string_value"))) for key, text in stored.items()]


def plain(value: AnyValue) -> Plain:
    """Return the value in Python's own types; None where none was set."""
    member = value.WhichOneof("value")
    if member is None:
        return None
    if member == "array_value":
        return [plain(item) for item in value.array_value.values]
    if member == "kvlist_value":
        return plain_attributes(value.kvlist_value.values)
    found: Plain = getattr(value, member)
    return found


def plain_attributes(pairs: Iterable[KeyValue]) -> dict[str, Plain]:
    return {pair.key: plain(pair.value) for pair in pairs}


def json_ready(value: Plain) -> Any:
    """Return the value as JSON can say it: bytes as base64, doubles that are not finite as ``NaN``, ``Infinity``."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list):
        return [json_ready(item) for item in value]
    if isinstance(value, dict):
        return {key: json_ready(item) for key, item in value.items()}
    return value


def readable(stored: Mapping[str, str], kinds: str) -> dict[str, Any]:
    """Return the attributes of a map column as a JSON object."""
    return {key: json_ready(value) for key, value in plain_attributes(key_values(stored, kinds)).items()}


def _from_json(value: Any) -> AnyValue:
    if isinstance(value, _Pairs):
        return _tagged(value) or AnyValue(
            kvlist_value=KeyValueList(values=[KeyValue(key=key, value=_from_json(item)) for key, item in value])
        )
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_from_json(item) for item in value]))
    read = _JSON_SCALARS.get(type(value))
    return read(value) if read else AnyValue()


def _tagged(pairs: _Pairs) -> AnyValue | None:
    """Return what JSON cannot say, which stands as an object with one tag; None where *pairs* is no such object."""
    if len(pairs) != 1 or not isinstance(pairs[0][1], str):
        return None
    tag, text = pairs[0]
    # Bytes in which policy found something are a text.
    return AnyValue(string_value=text) if tag in _ENCODED and text.startswith("<") else _decoded(tag, text)


def _decoded(tag: str, text: str) -> AnyValue | None:
    match tag:
        case "doubleValue" if text in {"nan", "-nan", "inf", "-inf"}:
            return AnyValue(double_value=float(text))
        case "bytesValue":
            return AnyValue(bytes_value=b64decode(text))
        case "arrayProto":
            return _unfolded(b64decode(text), lambda encoded: AnyValue(array_value=ArrayValue.FromString(encoded)))
        case "kvlistProto":
            return _unfolded(b64decode(text), lambda encoded: AnyValue(kvlist_value=KeyValueList.FromString(encoded)))
        case _:
            return None


def _unfolded(encoded: bytes, decode: Callable[[bytes], AnyValue]) -> AnyValue:
    try:
        return decode(encoded)
    except DecodeError:
        # The depths of a value are not looked into when it comes in; what cannot be read is shown as it is.
        return AnyValue(bytes_value=encoded)
