"""Canaries in every place of every signal, as requests, and the search for them in what was stored."""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from backbone.model.time import now_ns
from backbone.query.remote_read import double_field, message_field, number_field
from backbone.simulate.secrets import Canary, canaries

_AROUND = ("{}", "of {} and", "({}),", '"{}"', "x\n{}\ny")
_WINDOW = 8


@dataclass(frozen=True, slots=True)
class Placed:
    """A canary and where it was put."""

    canary: Canary
    place: str


@dataclass(slots=True)
class Hidden:
    """Makes requests and remembers what it put where."""

    seed: int
    placed: list[Placed] = field(default_factory=list)
    _source: Iterator[Canary] = field(init=False)
    _around: Iterator[str] = field(default_factory=lambda: itertools.cycle(_AROUND))

    def __post_init__(self) -> None:
        self._source = canaries(self.seed)

    def traces(self, spans: int) -> bytes:
        """Return a request of so many spans with canaries in all places."""
        scope = ScopeSpans(
            scope=self._scope("span"), spans=[self._span() for _ in range(spans)], schema_url=self._text("schema url")
        )
        return TracesData(
            resource_spans=[ResourceSpans(resource=self._resource("span"), scope_spans=[scope])]
        ).SerializeToString()

    def logs(self, records: int) -> bytes:
        """Return a request of so many records."""
        scope = ScopeLogs(scope=self._scope("log"), log_records=[self._record() for _ in range(records)])
        return LogsData(
            resource_logs=[ResourceLogs(resource=self._resource("log"), scope_logs=[scope])]
        ).SerializeToString()

    def metrics(self, series: int) -> bytes:
        """Return a request of so many series, with exemplars and a help text."""
        points = [
            NumberDataPoint(
                time_unix_nano=now_ns(),
                as_int=1,
                attributes=[self._attribute("label"), self._named("label by name")],
                exemplars=[
                    Exemplar(time_unix_nano=now_ns(), as_int=1, filtered_attributes=[self._attribute("exemplar")])
                ],
            )
            for _ in range(series)
        ]
        metric = Metric(name="canary_total", description=self._text("help"), gauge=Gauge(data_points=points))
        scope = ScopeMetrics(scope=self._scope("metric"), metrics=[metric])
        return MetricsData(
            resource_metrics=[ResourceMetrics(resource=self._resource("metric"), scope_metrics=[scope])]
        ).SerializeToString()

    def remote_write(self, series: int) -> bytes:
        """Return a request of Prometheus' remote write of so many series, with exemplars and a help text."""
        return b"".join([*(self._series() for _ in range(series)), self._metadata()])

    def _series(self) -> bytes:
        now_ms = now_ns() // 1_000_000
        labels = {
            "__name__": "canary_written",
            "job": self._text("written job"),
            "text": self._text("written label"),
            "password": f"_{self._placed('written label by name').needle}_",
        }
        point = double_field(1, 1.0) + number_field(2, now_ms)
        exemplar = _pairs({"note": self._text("written exemplar")}) + double_field(2, 1.0) + number_field(3, now_ms)
        return message_field(1, _pairs(labels) + message_field(2, point) + message_field(3, exemplar))

    def _metadata(self) -> bytes:
        about = message_field(2, b"canary_written") + message_field(4, self._text("written help").encode())
        return message_field(3, about)

    def _span(self) -> Span:
        number = len(self.placed)
        return Span(
            trace_id=number.to_bytes(16, "big"),
            span_id=(number + 1).to_bytes(8, "big"),
            name=self._text("span name"),
            start_time_unix_nano=now_ns(),
            end_time_unix_nano=now_ns(),
            trace_state=self._text("trace state"),
            status=Status(message=self._text("status message")),
            attributes=self._attributes("span"),
            events=[
                Span.Event(
                    time_unix_nano=now_ns(),
                    name=self._text("event name"),
                    attributes=[self._attribute("event attribute")],
                )
            ],
            links=[
                Span.Link(
                    trace_id=(1).to_bytes(16, "big"),
                    span_id=(1).to_bytes(8, "big"),
                    attributes=[self._attribute("link attribute")],
                )
            ],
        )

    def _record(self) -> LogRecord:
        return LogRecord(
            time_unix_nano=now_ns(),
            severity_text=self._text("severity text"),
            event_name=self._text("event name of a record"),
            body=AnyValue(string_value=self._text("body")),
            attributes=self._attributes("log"),
        )

    def _attributes(self, signal: str) -> list[KeyValue]:
        inner = KeyValue(key="in", value=AnyValue(string_value=self._text(f"{signal} list")))
        deep = AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="in", value=self._value(f"{signal} depth"))]))
        for _ in range(4):
            deep = AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="in", value=deep)]))
        return [
            self._attribute(f"{signal} attribute"),
            self._named(f"{signal} attribute by name"),
            KeyValue(key="array", value=AnyValue(array_value=ArrayValue(values=[self._value(f"{signal} array")]))),
            KeyValue(key="list", value=AnyValue(kvlist_value=KeyValueList(values=[inner]))),
            KeyValue(key="deep", value=deep),
            KeyValue(key="bytes", value=AnyValue(bytes_value=self._text(f"{signal} bytes").encode())),
            KeyValue(key=self._text(f"{signal} attribute's name"), value=AnyValue(int_value=1)),
        ]

    def _attribute(self, place: str) -> KeyValue:
        return KeyValue(key=f"key{len(self.placed) % 7}", value=self._value(place))

    def _named(self, place: str) -> KeyValue:
        return KeyValue(key="user.password", value=AnyValue(string_value=f"_{self._placed(place).needle}_"))

    def _value(self, place: str) -> AnyValue:
        return AnyValue(string_value=self._text(place))

    def _scope(self, signal: str) -> InstrumentationScope:
        return InstrumentationScope(
            name=self._text(f"{signal} scope"), version="1", attributes=[self._attribute(f"{signal} scope attribute")]
        )

    def _resource(self, signal: str) -> Resource:
        service = KeyValue(key="service.name", value=self._value(f"{signal} service"))
        return Resource(attributes=[service, self._attribute(f"{signal} resource attribute")])

    def _text(self, place: str) -> str:
        return next(self._around).format(self._placed(place).text)

    def _placed(self, place: str) -> Canary:
        canary = next(self._source)
        self.placed.append(Placed(canary, place))
        return canary


def _pairs(labels: dict[str, str]) -> bytes:
    return b"".join(
        message_field(1, message_field(1, name.encode()) + message_field(2, value.encode()))
        for name, value in labels.items()
    )


class Search:
    """Looks for many needles in any bytes: windows of eight bytes first, by a table of how needles begin."""

    def __init__(self, placed: Iterable[Placed]) -> None:
        self._needles: dict[int, list[tuple[bytes, Placed]]] = {}
        for one in placed:
            for needle in _forms(one.canary.needle):
                self._needles.setdefault(_number(needle[:_WINDOW]), []).append((needle, one))
        self._known = np.sort(np.fromiter(self._needles, dtype=np.uint64, count=len(self._needles)))
        self._table = np.zeros(1 << 22, dtype=bool)
        self._table[_hash(self._known)] = True

    def find(self, content: bytes) -> list[Placed]:
        """Return each canary that is in *content*."""
        found: dict[int, Placed] = {}
        for shift in range(_WINDOW):
            count = (len(content) - shift) // _WINDOW
            if count <= 0:
                break
            windows = np.frombuffer(content, dtype="<u8", count=count, offset=shift)
            places = np.flatnonzero(self._table[_hash(windows)])
            for place in places:
                at = int(place) * _WINDOW + shift
                for needle, one in self._needles.get(int(windows[place]), ()):
                    if content.startswith(needle, at):
                        found[id(one)] = one
        return list(found.values())


def _forms(needle: str) -> list[bytes]:
    """Return what a needle looks like as it is, and in base64 wherever in three bytes it begins."""
    plain = needle.encode()
    encoded = [b64encode(b" " * shift + plain)[(shift * 4 + 2) // 3 + 1 : -4] for shift in range(3)]
    return [one for one in (plain, *encoded) if len(one) >= _WINDOW]


def _number(window: bytes) -> int:
    return int.from_bytes(window, "little")


def _hash(numbers: Any) -> Any:
    return (numbers * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(42)
