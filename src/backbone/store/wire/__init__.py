"""
The wire's shapes: what senders send, as protobuf text for the engine and as columns of the tables that take it in.

A table with engine ``Null`` has exactly the shape of its message, so that the engine decodes and nothing else does.
Spans and log records are taken apart before: their tables have a row for each, see `backbone.store.wire.columns`.
Shapes are derived from the ``.proto`` files beside this module; they use a small part of the language: messages one
level deep, ``repeated``, ``oneof`` and scalar types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from backbone.store.wire.columns import LOG_COLUMNS, SPAN_COLUMNS, WRITTEN

WireName = Literal["traces", "logs", "metrics", "remote_write", "samples"]
WIRES: tuple[WireName, ...] = get_args(WireName)

ROWS: Mapping[WireName, str] = {"traces": SPAN_COLUMNS, "logs": LOG_COLUMNS}
"""The wires that the engine is given rows of, and what it keeps of them."""

_SCALARS = {
    "string": "String",
    "bytes": "String",
    "bool": "Bool",
    "double": "Float64",
    "int32": "Int32",
    "sint32": "Int32",
    "uint32": "UInt32",
    "fixed32": "UInt32",
    "int64": "Int64",
    "sint64": "Int64",
    "sfixed64": "Int64",
    "uint64": "UInt64",
    "fixed64": "UInt64",
}
_REPEATING = {("string", "key")}
"""Fields that hold few different strings: work on them is done once per string, not once per item."""
_MESSAGE = re.compile(r"message (\w+) \{((?:[^{}]|\{[^{}]*\})*)\}")
_ONEOF = re.compile(r"oneof (\w+) \{([^{}]*)\}")
_FIELD = re.compile(r"(repeated )?(\w+) (\w+) = (\d+);")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message; ``kind`` is a scalar type or the name of a message."""

    repeated: bool
    kind: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Wire:
    """
    A message as it comes over the wire.

    ``proto`` is its schema as the engine reads it, None where it is given rows; ``columns`` are those of the table that
    takes it in.
    """

    name: WireName
    proto: str | None
    columns: str
    messages: Mapping[str, str]
    """The body of each message by its name."""

    @property
    def table(self) -> str:
        return f"wire_{self.name}"

    def fields(self, message: str) -> list[Field]:
        """Return a message's fields, those of its oneofs among them."""
        return [
            Field(bool(field[1]), field[2], field[3], int(field[4]))
            for field in _FIELD.finditer(self.messages[message])
        ]

    def type_of(self, message: str) -> str:
        """Return the engine's type of one message."""
        return f"Tuple({', '.join(_columns(self.messages, message))})"


@cache
def wire(name: WireName) -> Wire:
    """Return the shape of the requests called *name*."""
    shared = "" if name in {"remote_write", "samples"} else _text("values")
    text = re.sub(r"//[^\n]*\n", "", shared + _text(name))
    messages = {match[1]: match[2] for match in _MESSAGE.finditer(text)}
    if name in ROWS:
        return Wire(name, None, f"{ROWS[name]}, {WRITTEN}", messages)
    proto = 'syntax = "proto3";\n' + text
    return Wire(name, " ".join(proto.split()), ", ".join(_columns(messages, "Request")), messages)


def _text(name: str) -> str:
    return (files(__package__) / f"{name}.proto").read_text()


def _columns(messages: Mapping[str, str], message: str) -> list[str]:
    body = messages[message]
    columns = []
    for oneof in _ONEOF.finditer(body):
        members = ", ".join(f"'{field[3]}' = {field[4]}" for field in _FIELD.finditer(oneof[2]))
        columns.append(f"{oneof[1]} Enum8('' = 0, {members})")
    for field in _FIELD.finditer(body):
        kind = _SCALARS.get(field[2]) or f"Tuple({', '.join(_columns(messages, field[2]))})"
        if (field[2], field[3]) in _REPEATING:
            kind = "LowCardinality(String)"
        columns.append(f"{field[3]} Array({kind})" if field[1] else f"{field[3]} {kind}")
    return columns
