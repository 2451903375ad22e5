"""What rows say of requests, worked out slowly from decoded messages."""

from __future__ import annotations

import base64
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from backbone.receive.kernels.look import RULES_FIELD
from tests.receive.rows.reading import Row

OUTER, INNER = 1, 2
"""How deep values lie in attributes of items and resources, and in those of scopes, events and links."""
DEEPEST = 2
SPAN_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
SEVERITIES = range(25)

_ESCAPES = {ord(character): escape for character, escape in zip('\b\f\n\r\t"\\/', 'bfnrt"\\/', strict=True)}


def spelled(number: float) -> str:
    """Return a double's text: digits with a point where that is short, or else with an exponent."""
    if not math.isfinite(number):
        return repr(number)
    sign = "-" if math.copysign(1, number) < 0 else ""
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    if not digits:
        return f"{sign}0"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point <= 0 or point > 21:
        return f"{sign}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{point - 1}"
    before, after = digits[:point].ljust(point, "0"), digits[point:]
    return f"{sign}{before}.{after}" if after else f"{sign}{before}"


def quoted(text: str) -> str:
    """Return a text in quotes, as the engine's ``toJSONString`` has it."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    code = ord(character)
    if code in _ESCAPES:
        return f"\\{_ESCAPES[code]}"
    return f"\\u{code:04X}" if code < 0x20 or code in {0x2028, 0x2029} else character


def _tagged(name: str, text: str) -> str:
    return f'{{"{name}":"{text}"}}'


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _json_double(number: float) -> str:
    text = spelled(number)
    if not math.isfinite(number):
        return _tagged("doubleValue", text)
    return text if set(text) & set(".e") else f"{text}.0"


def in_json(value: AnyValue, depth: int) -> str:
    """Return a value within another one."""
    match value.WhichOneof("value"):
        case "string_value":
            return quoted(value.string_value)
        case "double_value":
            return _json_double(value.double_value)
        case "bytes_value":
            return _tagged("bytesValue", _base64(value.bytes_value))
        case "array_value" | "kvlist_value":
            return _nested(value, depth)
        case None:
            return "null"
        case kind:
            return json.dumps(getattr(value, kind))


def _nested(value: AnyValue, depth: int) -> str:
    is_array = value.WhichOneof("value") == "array_value"
    if depth >= DEEPEST:
        inner: ArrayValue | KeyValueList = value.array_value if is_array else value.kvlist_value
        return _tagged("arrayProto" if is_array else "kvlistProto", _base64(inner.SerializeToString()))
    if is_array:
        return f"[{','.join(in_json(one, depth + 1) for one in value.array_value.values)}]"
    pairs = (f"{quoted(one.key)}:{in_json(one.value, depth + 1)}" for one in value.kvlist_value.values)
    return f"{{{','.join(pairs)}}}"


def text_of(value: AnyValue, depth: int) -> str:
    """Return a value by itself."""
    match value.WhichOneof("value"):
        case "string_value":
            return str(value.string_value)
        case "double_value":
            return spelled(value.double_value)
        case "bytes_value":
            return _base64(value.bytes_value)
        case None:
            return ""
        case _:
            return in_json(value, depth)


def texts_of(attributes: Sequence[KeyValue], depth: int) -> list[list[str]]:
    return [[one.key for one in attributes], [text_of(one.value, depth) for one in attributes]]


def kinds_of(attributes: Sequence[KeyValue]) -> str:
    others = [(one.key, one.value.WhichOneof("value") or "") for one in attributes]
    pairs = [f'{quoted(key)}:"{kind}"' for key, kind in others if kind != "string_value"]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def service_of(attributes: Sequence[KeyValue]) -> str:
    """Return the first attribute of that name, if it is a text."""
    return next((str(one.value.string_value) for one in attributes if one.key == "service.name"), "")


def rules_of(message: Any) -> int:
    """Return what a field says that only receivers write, and that senders' messages do not know."""
    unknown: Any = UnknownFieldSet(message)
    return next((field.data for field in unknown if field.field_number == RULES_FIELD), 0)


@dataclass(frozen=True, slots=True)
class Sent:
    """A decoded request, whose it is, and when it came."""

    data: TracesData | LogsData
    tenant: str
    received_ns: int


def rows_of(group: Sequence[Sent]) -> list[Row]:
    """Return the rows of a group, of spans or of log records."""
    return list(_rows(group))


def _rows(group: Sequence[Sent]) -> Iterator[Row]:
    numbers = itertools.count()
    for sent in group:
        for resource in _within(sent.data, "resource_spans", "resource_logs"):
            said: Row = {"tenant": sent.tenant, "received": sent.received_ns, "resource_number": next(numbers)}
            for scope in _within(resource, "scope_spans", "scope_logs"):
                rules = rules_of(resource) | rules_of(scope)
                for item in _within(scope, "spans", "log_records"):
                    own = _span(item) if isinstance(item, Span) else _record(item, sent.received_ns)
                    yield said | _around(resource, scope) | own | _own(item) | {"redactions": rules | rules_of(item)}


def _within(message: Any, of_traces: str, of_logs: str) -> Sequence[Any]:
    found: Sequence[Any] = getattr(message, of_traces if of_traces in message.DESCRIPTOR.fields_by_name else of_logs)
    return found


def _around(around: Any, scope: Any) -> Row:
    resource, library = around.resource, scope.scope
    return {
        "service": service_of(resource.attributes),
        "resource": texts_of(resource.attributes, OUTER),
        "resource_kinds": kinds_of(resource.attributes),
        "resource_dropped_attributes": resource.dropped_attributes_count,
        "resource_schema_url": around.schema_url,
        "scope": library.name,
        "scope_version": library.version,
        "scope_attributes": texts_of(library.attributes, INNER),
        "scope_kinds": kinds_of(library.attributes),
        "scope_dropped_attributes": library.dropped_attributes_count,
        "scope_schema_url": scope.schema_url,
    }


def _own(item: Any) -> Row:
    return {
        "attributes": texts_of(item.attributes, OUTER),
        "attribute_kinds": kinds_of(item.attributes),
        "attribute_names": "\n".join(one.key for one in item.attributes),
        "dropped_attributes": item.dropped_attributes_count,
        "flags": item.flags,
        "trace_id": item.trace_id.hex() or "00" * 16,
        "span_id": item.span_id.hex() or "00" * 8,
    }


def _span(span: Span) -> Row:
    return (
        {
            "name": span.name,
            "time": span.start_time_unix_nano,
            "duration_ns": max(span.end_time_unix_nano - span.start_time_unix_nano, 0),
            "parent_span_id": span.parent_span_id.hex() or "00" * 8,
            "trace_state": span.trace_state,
            "kind": SPAN_KINDS[span.kind if 0 <= span.kind < len(SPAN_KINDS) else 0],
            "status": STATUSES[span.status.code if 0 <= span.status.code < len(STATUSES) else 0],
            "status_message": span.status.message,
            "dropped_events": span.dropped_events_count,
            "dropped_links": span.dropped_links_count,
            "events.time": [one.time_unix_nano for one in span.events],
            "events.name": [one.name for one in span.events],
            "links.trace_id": [one.trace_id.hex() for one in span.links],
            "links.span_id": [one.span_id.hex() for one in span.links],
            "links.trace_state": [one.trace_state for one in span.links],
            "links.flags": [one.flags for one in span.links],
        }
        | _many("events", span.events)
        | _many("links", span.links)
    )


def _many(name: str, messages: Sequence[Any]) -> Row:
    return {
        f"{name}.attributes": [texts_of(one.attributes, INNER) for one in messages],
        f"{name}.attribute_kinds": [kinds_of(one.attributes) for one in messages],
        f"{name}.dropped_attributes": [one.dropped_attributes_count for one in messages],
    }


def _record(record: LogRecord, received_ns: int) -> Row:
    return {
        "time": record.time_unix_nano or record.observed_time_unix_nano or received_ns,
        "observed": record.observed_time_unix_nano,
        "severity": record.severity_number if record.severity_number in SEVERITIES else 0,
        "severity_text": record.severity_text,
        "body": text_of(record.body, 0),
        "body_kind": record.body.WhichOneof("value") or "",
        "event_name": record.event_name,
    }
