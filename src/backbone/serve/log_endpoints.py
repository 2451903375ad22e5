"""Our own API's ways to look into logs: how many, of what, how they look, what is around them, what differs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from backbone.model.errors import UserInputError
from backbone.model.time import NANOSECONDS_PER_SECOND, now_ns
from backbone.query.logql.ast import LogQuery
from backbone.query.logql.context import Surroundings, lines_around
from backbone.query.logql.counts import histogram
from backbone.query.logql.differences import differences
from backbone.query.logql.fields import detected_fields, top_values
from backbone.query.logql.lines import Line
from backbone.query.logql.patterns import find_patterns
from backbone.query.logs import parse_text
from backbone.query.times import parse_duration_ns, parse_time_ns, print_time
from backbone.serve.answers import Answer
from backbone.serve.endpoint import Endpoint
from backbone.serve.openapi import Operation
from backbone.serve.questions import Text, Window
from backbone.store.engine import Engine, QueryLimits

_BARS = 60
_MOST_BARS = 5_000


class LogsQuestion(Window):
    """The logs that a search finds."""

    text: Text = ""
    """Words, `"phrases"`, `field:value`, `field>10ms`, `-without`, `this OR that`; LogQL where it begins with `{`."""

    def query(self) -> LogQuery:
        return parse_text(self.text)

    def window(self) -> tuple[int, int]:
        """Return the time, whose end is not part of it."""
        start, end = self.range_ns()
        return start, end + 1


class HistogramQuestion(LogsQuestion):
    """How many there are over time."""

    step: str = ""
    """Width of a bar, such as `30s`; about sixty bars without it."""

    def step_ns(self) -> int:
        start, end = self.window()
        if not self.step:
            return max((end - start) // _BARS // NANOSECONDS_PER_SECOND, 1) * NANOSECONDS_PER_SECOND
        step = parse_duration_ns(self.step, "step")
        if step <= 0 or (end - start) // step > _MOST_BARS:
            raise UserInputError(f"'step': {self.step!r} makes more than {_MOST_BARS} bars")
        return step


class TopQuestion(LogsQuestion):
    """The most frequent texts of a field."""

    field: str = Field(min_length=1, max_length=1_000)
    """The field, such as `http_route`, or one that a stage of LogQL makes."""
    limit: int = Field(default=10, ge=1, le=1_000)
    """How many at most."""


class FieldsQuestion(LogsQuestion):
    """The fields there are."""

    sample: int = Field(default=1_000, ge=1, le=10_000)
    """Of how many lines, the newest."""


class PatternsQuestion(HistogramQuestion):
    """Templates of lines."""

    baseline: str = ""
    """How long a time before the window to compare with, such as `1d`."""
    limit: int = Field(default=50, ge=1, le=1_000)
    """How many at most."""


class DifferencesQuestion(LogsQuestion):
    """What tells the logs of a search from the rest."""

    rest: Text = ""
    """The search that finds what to compare with, in the same time; everything without it."""
    baseline: str = ""
    """Compare with so long a time before the window instead, such as `1h`."""
    limit: int = Field(default=20, ge=1, le=200)
    """How many at most."""


class ContextQuestion(Window):
    """The lines around a line in its stream."""

    time: str = Field(min_length=1)
    """When the line is from, RFC 3339 or seconds since 1970."""
    stream: Text = Field(min_length=1)
    """The stream, as LogQL selects it: `{service_name="relay"}`."""
    before: int = Field(default=20, ge=0, le=1_000)
    """How many lines before it."""
    after: int = Field(default=20, ge=0, le=1_000)
    """How many lines after it."""


class Bar(Answer):
    start: str
    level: str
    lines: int


class Histogram(Answer):
    step_ns: int
    bars: list[Bar]


class Value(Answer):
    value: str
    lines: int


class TopValues(Answer):
    values: list[Value]


class FoundField(Answer):
    label: str
    type: str
    cardinality: int
    parser: str
    lines: int


class FoundFields(Answer):
    fields: list[FoundField]


class FoundPattern(Answer):
    pattern: str
    level: str
    lines: int
    baseline: int
    change: float | None
    """How many times as frequent as in the baseline, per time; None where it was not there."""
    bars: list[tuple[str, int]]


class FoundPatterns(Answer):
    patterns: list[FoundPattern]


class FoundDifference(Answer):
    label: str
    value: str
    selected: float
    rest: float


class FoundDifferences(Answer):
    differences: list[FoundDifference]


class FoundLine(Answer):
    time: str
    line: str
    labels: dict[str, str]

    @classmethod
    def of(cls, line: Line) -> FoundLine:
        return cls(time=print_time(line.time_ns), line=line.text, labels=line.labels)


class Context(Answer):
    before: list[FoundLine]
    after: list[FoundLine]


def log_endpoints(engine: Engine, limits: QueryLimits) -> list[Endpoint[Any]]:
    """Return the endpoints."""
    answers = _Answers(engine, limits)
    return [
        Endpoint(Operation("/logs/histogram", "Logs by time and severity", HistogramQuestion, Histogram), answers.bars),
        Endpoint(Operation("/logs/top", "Most frequent texts of a field", TopQuestion, TopValues), answers.top),
        Endpoint(Operation("/logs/fields", "Fields of logs", FieldsQuestion, FoundFields), answers.fields),
        Endpoint(Operation("/logs/patterns", "Templates of lines", PatternsQuestion, FoundPatterns), answers.patterns),
        Endpoint(
            Operation("/logs/differences", "What tells logs from others", DifferencesQuestion, FoundDifferences),
            answers.differences,
        ),
        Endpoint(Operation("/logs/context", "Lines around a line", ContextQuestion, Context), answers.context),
    ]


class _Answers:
    def __init__(self, engine: Engine, limits: QueryLimits) -> None:
        self._engine = engine
        self._limits = limits

    async def bars(self, tenant: str, question: HistogramQuestion) -> Answer:
        step = question.step_ns()
        found = await histogram(
            self._engine, tenant, question.query(), question.window(), step_ns=step, limits=self._limits
        )
        return Histogram(
            step_ns=step, bars=[Bar(start=print_time(bar.start_ns), level=bar.level, lines=bar.lines) for bar in found]
        )

    async def top(self, tenant: str, question: TopQuestion) -> Answer:
        found = await top_values(
            self._engine,
            tenant,
            question.query(),
            question.window(),
            label=question.field,
            limit=question.limit,
            limits=self._limits,
        )
        return TopValues(values=[Value(value=value, lines=lines) for value, lines in found])

    async def fields(self, tenant: str, question: FieldsQuestion) -> Answer:
        found = await detected_fields(
            self._engine, tenant, question.query(), question.window(), sample=question.sample, limits=self._limits
        )
        return FoundFields(fields=[FoundField.model_validate(field, from_attributes=True) for field in found])

    async def patterns(self, tenant: str, question: PatternsQuestion) -> Answer:
        start, end = question.window()
        length = parse_duration_ns(question.baseline, "baseline") if question.baseline else 0
        found = await find_patterns(
            self._engine,
            tenant,
            question.query(),
            (start, end),
            step_ns=question.step_ns(),
            limits=self._limits,
            baseline=(max(start - length, 0), start) if length else None,
        )
        # As often in the same time.
        times = length / max(end - start, 1)
        return FoundPatterns(
            patterns=[
                FoundPattern(
                    pattern=pattern.text,
                    level=pattern.level,
                    lines=pattern.lines,
                    baseline=pattern.baseline,
                    change=pattern.lines * times / pattern.baseline if pattern.baseline else None,
                    bars=[(print_time(at), count) for at, count in sorted(pattern.counts.items())],
                )
                for pattern in found[: question.limit]
            ]
        )

    async def differences(self, tenant: str, question: DifferencesQuestion) -> Answer:
        start, end = question.window()
        length = parse_duration_ns(question.baseline, "baseline") if question.baseline else 0
        rest = parse_text(question.rest), ((max(start - length, 0), start) if length else (start, end))
        found = await differences(
            self._engine, tenant, (question.query(), (start, end)), rest, limit=question.limit, limits=self._limits
        )
        return FoundDifferences(
            differences=[FoundDifference.model_validate(one, from_attributes=True) for one in found]
        )

    async def context(self, tenant: str, question: ContextQuestion) -> Answer:
        around = Surroundings(
            parse_time_ns(question.time, "time", now_ns=now_ns()), question.before, question.after, question.range_ns()
        )
        before, after = await lines_around(self._engine, tenant, parse_text(question.stream), around, self._limits)
        return Context(before=[FoundLine.of(line) for line in before], after=[FoundLine.of(line) for line in after])
