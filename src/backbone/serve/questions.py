"""What can be asked of our own API, as its parameters."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.attribute_filters import parse_attribute_filter
from backbone.query.logs import LogSearch, parse_text
from backbone.query.sql import MAX_TEXT
from backbone.query.times import parse_duration_ns, parse_time_ns
from backbone.query.traces import TraceSearch, parse_trace_id
from backbone.serve.parameters import Parameters

_Attribute = Annotated[str, Field(max_length=4_096)]
Text = Annotated[str, Field(max_length=4_096)]


class Window(Parameters):
    """A range of time."""

    since: str = "1h"
    """Start: a duration back from now (`15m`, `1h30m`), RFC 3339, or seconds since 1970."""
    until: str = "now"
    """End, written likewise."""

    def range_ns(self) -> tuple[int, int]:
        """
        Return start and end in nanoseconds.

        Raises:
            UserInputError: one is no time, or the end is before the start.
        """
        now = now_ns()
        start = parse_time_ns(self.since, "since", now_ns=now)
        end = parse_time_ns(self.until, "until", now_ns=now)
        if end < start:
            raise UserInputError(f"'until': {self.until!r} is before 'since' {self.since!r}")
        return start, end


class TraceQuestion(Window):
    """Traces that have a span which is all that is asked for, or what TraceQL finds."""

    query: Text = ""
    """TraceQL, such as `{ status = error && duration > 1s }`; stands alone, beside time and limit."""
    service: Text = ""
    """Service of the span."""
    operation: Text = ""
    """Name of the span."""
    min_duration: str = ""
    """Shortest duration of the span, such as `250ms`."""
    max_duration: str = ""
    """Longest duration of the span."""
    error: bool = False
    """Only spans with status error."""
    attribute: tuple[_Attribute, ...] = Field(default=(), max_length=20)
    """`key=value`, `key!=value` or a comparison of numbers such as `key>100`, of the span or its resource."""
    limit: int = Field(default=20, ge=1, le=1_000)
    """Traces at most."""

    def search(self) -> TraceSearch:
        """
        Return what is asked for apart from a query.

        Raises:
            UserInputError: there is a query, or something cannot be read.
        """
        start, end = self.range_ns()
        others = (self.service, self.operation, self.min_duration, self.max_duration, self.error, self.attribute)
        if self.query and any(others):
            raise UserInputError("'query': stands alone, beside 'since', 'until' and 'limit'")
        return TraceSearch(
            start_ns=start,
            end_ns=end,
            service=self.service,
            operation=self.operation,
            min_duration_ns=parse_duration_ns(self.min_duration, "min_duration") if self.min_duration else None,
            max_duration_ns=parse_duration_ns(self.max_duration, "max_duration") if self.max_duration else None,
            errors_only=self.error,
            attributes=tuple(parse_attribute_filter(text) for text in self.attribute),
            limit=self.limit,
        )


class OneTrace(Parameters):
    """A trace by its id."""

    trace_id: str = Field(pattern="^[0-9a-fA-F]{1,32}$")
    """Hexadecimal; a short one is padded with zeros on the left."""


class LogQuestion(Window):
    """Log records."""

    text: Text = ""
    """Words, `"phrases"`, `field:value`, `field>10ms`, `-without`, `this OR that`; LogQL where it begins with `{`."""
    service: Text = ""
    """Service that wrote the record."""
    severity: str = ""
    """Lowest severity: trace, debug, info, warn, error or fatal."""
    trace_id: str = ""
    """Trace the record belongs to, in hexadecimal."""
    attribute: tuple[_Attribute, ...] = Field(default=(), max_length=20)
    """`key=value`, `key!=value` or a comparison of numbers such as `key>100`, of the record or its resource."""
    limit: int = Field(default=100, ge=1, le=10_000)
    """Records at most; the newest come first."""

    def search(self) -> LogSearch:
        start, end = self.range_ns()
        return LogSearch(
            start_ns=start,
            end_ns=end,
            query=parse_text(self.text),
            service=self.service,
            severity=self.severity,
            trace_id=parse_trace_id(self.trace_id) if self.trace_id else b"",
            attributes=tuple(parse_attribute_filter(text) for text in self.attribute),
            limit=self.limit,
        )


class MetricQuestion(Window):
    """Samples of series."""

    selector: Text = Field(min_length=1)
    """A Prometheus series selector, such as `http_requests_total{job="api"}`."""
    limit: int = Field(default=100, ge=1, le=10_000)
    """Series at most; a selector that names more is refused."""


class SqlQuestion(Parameters):
    """A SELECT of the user's own."""

    sql: str = Field(min_length=1, max_length=MAX_TEXT)
    """One SELECT over the tables of telemetry, in ClickHouse's SQL."""
    limit: int = Field(default=1_000, ge=1, le=100_000)
    """Rows at most."""


class NoQuestion(Parameters):
    """Nothing to choose."""
