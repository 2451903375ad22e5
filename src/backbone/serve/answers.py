"""What our own API answers. Times are RFC 3339 with nine digits, since JSON's numbers cannot hold nanoseconds."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from backbone.query.logs import LogRecord
from backbone.query.rates import Rates
from backbone.query.samples import SeriesSamples
from backbone.query.sql import SqlAnswer
from backbone.query.times import print_time
from backbone.query.traces import TraceSummary


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FoundTrace(Answer):
    trace_id: str
    service: str
    name: str
    start: str
    duration_ns: int
    spans: int
    errors: int
    services: list[str]

    @classmethod
    def of(cls, found: TraceSummary) -> Self:
        return cls(
            trace_id=found.trace_id,
            service=found.service,
            name=found.name,
            start=print_time(found.start_ns),
            duration_ns=found.duration_ns,
            spans=found.spans,
            errors=found.errors,
            services=list(found.services),
        )


class FoundTraces(Answer):
    traces: list[FoundTrace]


class FoundRecord(Answer):
    time: str
    service: str
    severity: str
    severity_number: int
    severity_text: str
    body: Any
    trace_id: str
    span_id: str
    event_name: str
    scope: str
    attributes: dict[str, Any]
    resource: dict[str, Any]

    @classmethod
    def of(cls, found: LogRecord) -> Self:
        return cls(
            time=print_time(found.time_ns),
            **{name: getattr(found, name) for name in cls.model_fields if name != "time"},
        )


class FoundRecords(Answer):
    records: list[FoundRecord]


class FoundSeries(Answer):
    labels: dict[str, str]
    samples: list[tuple[int, str]]
    """Milliseconds since 1970 and the value as text, since JSON's numbers know no NaN."""

    @classmethod
    def of(cls, found: SeriesSamples) -> Self:
        return cls(labels=found.labels, samples=[(time, print_value(value)) for time, value in found.samples])


class FoundSamples(Answer):
    series: list[FoundSeries]


class Column(Answer):
    name: str
    type: str


class Table(Answer):
    columns: list[Column]
    rows: list[list[Any]]
    truncated: bool

    @classmethod
    def of(cls, found: SqlAnswer) -> Self:
        columns = [Column(name=name, type=kind) for name, kind in found.columns]
        return cls(columns=columns, rows=found.rows, truncated=found.truncated)


class RateNow(Answer):
    signal: str
    service: str
    per_second_10s: float
    per_second_60s: float
    idle_seconds: float


class RefusedNow(Answer):
    signal: str
    service: str
    reason: str
    items: int


class LagNow(Answer):
    signal: str
    median_seconds: float
    p99_seconds: float


class RatesNow(Answer):
    now: str
    rates: list[RateNow]
    refused: list[RefusedNow]
    lags: list[LagNow]

    @classmethod
    def of(cls, found: Rates) -> Self:
        return cls(
            now=print_time(found.now_ns),
            rates=[RateNow.model_validate(rate, from_attributes=True) for rate in found.rates],
            refused=[RefusedNow.model_validate(refused, from_attributes=True) for refused in found.refused],
            lags=[LagNow.model_validate(lag, from_attributes=True) for lag in found.lags],
        )


class OtlpTrace(BaseModel):
    """A trace as OTLP/JSON: `resourceSpans`, as OpenTelemetry's specification has them."""

    model_config = ConfigDict(extra="allow")
    resourceSpans: list[dict[str, Any]]  # noqa: N815 - the wire's name


class Refusal(Answer):
    status: Literal["error"]
    errorType: str  # noqa: N815 - Prometheus' name
    error: str


def print_value(value: float) -> str:
    """Return a sample's value as Prometheus writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
