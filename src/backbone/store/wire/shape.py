"""Whether bytes have a wire's shape, told without the engine: what it cannot decode is found in a group in no time."""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from backbone.store.wire import Wire

_Field = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    # Bytes, not string: text that is not UTF-8 is for the views to judge.
    "string": _Field.TYPE_BYTES,
    "bytes": _Field.TYPE_BYTES,
    "bool": _Field.TYPE_BOOL,
    "double": _Field.TYPE_DOUBLE,
    "int32": _Field.TYPE_INT32,
    "sint32": _Field.TYPE_SINT32,
    "uint32": _Field.TYPE_UINT32,
    "fixed32": _Field.TYPE_FIXED32,
    "int64": _Field.TYPE_INT64,
    "sint64": _Field.TYPE_SINT64,
    "sfixed64": _Field.TYPE_SFIXED64,
    "uint64": _Field.TYPE_UINT64,
    "fixed64": _Field.TYPE_FIXED64,
}

NO_SHAPE = (
    "body: expected a request of its kind, got a protobuf message with a field that is cut off or of another type"
)
"""What is said of a body that has not."""

_classes: dict[str, type[message.Message]] = {}


def has_shape(wire: Wire, body: bytes) -> bool:
    """Tell whether *body* is a request of *wire* as far as protobuf goes."""
    try:
        _request_class(wire).FromString(body)
    except message.DecodeError:
        return False
    return True


def _request_class(wire: Wire) -> type[message.Message]:
    if wire.name not in _classes:
        _classes[wire.name] = _build(wire)
    return _classes[wire.name]


def _build(wire: Wire) -> type[message.Message]:
    file = descriptor_pb2.FileDescriptorProto(name=f"backbone/{wire.name}.proto", package=wire.name, syntax="proto3")
    for name in wire.messages:
        shape = file.message_type.add(name=name)
        for field in wire.fields(name):
            kind = _TYPES.get(field.kind)
            shape.field.add(
                name=field.name,
                number=field.number,
                label=_Field.LABEL_REPEATED if field.repeated else _Field.LABEL_OPTIONAL,
                type=kind or _Field.TYPE_MESSAGE,
                type_name=None if kind else f".{wire.name}.{field.kind}",
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{wire.name}.Request"))
