"""Attributes in OTLP's shape."""

from __future__ import annotations

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


def attribute(key: str, value: str | int | float | bool) -> KeyValue:  # noqa: PYI041 - each has its own wire type
    if isinstance(value, bool):
        return KeyValue(key=key, value=AnyValue(bool_value=value))
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    if isinstance(value, float):
        return KeyValue(key=key, value=AnyValue(double_value=value))
    return KeyValue(key=key, value=AnyValue(string_value=value))


def resource(service: str, instance: int) -> list[KeyValue]:
    return [
        attribute("service.name", service),
        attribute("service.namespace", "bench"),
        attribute("service.instance.id", f"{service}-{instance:03d}"),
        attribute("service.version", "1.14.2"),
        attribute("host.name", f"node-{instance % 200:03d}"),
        attribute("deployment.environment.name", "production"),
    ]
