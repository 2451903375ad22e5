"""
A query of lines as SQL: each stage changes what the line and its labels are, or which lines there are.

What stages make is a column of a subquery, so that the engine computes it once, and only if it is used.
"""

from __future__ import annotations

from collections.abc import Sequence

from backbone.model.errors import UserInputError
from backbone.query.conditions import Conditions
from backbone.query.logql import ast, extract
from backbone.query.logql.base_labels import SERVICE_LABEL, UNKNOWN_SERVICE, looked_up
from backbone.query.logql.columns import NO_COLUMNS, LabelColumns
from backbone.query.logql.filters import (
    label_condition,
    line_condition,
    number_error,
    words_condition,
    words_hint,
)
from backbone.query.logql.labels import Changed, Chosen, Extracted, LineLabels, RecordLabels, matches
from backbone.query.logql.readings import number_of
from backbone.query.logql.template import TemplateError, parse_template
from backbone.query.logql.template_sql import template_sql
from backbone.query.selectors import Matcher, compiled

_TABLE = "logs"
_ANY_SERVICE = (".+", ".*")
_WORDS_UNTIL = (ast.LineFormat, ast.Decolorize, ast.Unpack, ast.Distinct)
"""What comes after one of these sees other lines than those stored, or some of them only."""
_COLOURS = r"\\x1b(\\[[0-9;?]*[ -/]*[@-~]|\\][^\\x07\\x1b]*(\\x07|\\x1b\\\\))"


class Pipeline:
    """The SQL of a query's lines within a time."""

    def __init__(
        self,
        tenant: str,
        query: ast.LogQuery,
        window: tuple[int, int],
        columns: LabelColumns = NO_COLUMNS,
        *,
        forward: bool = False,
    ) -> None:
        """Take the lines of a *window*: nanoseconds, from the first on and before the second."""
        self.conditions = Conditions(tenant)
        self.conditions.add(
            "time >= fromUnixTimestamp64Nano({start}, 'UTC') AND time < fromUnixTimestamp64Nano({end}, 'UTC')",
            start=("Int64", window[0]),
            end=("Int64", window[1]),
        )
        self.line = "body"
        self.by_index = False
        """Whether an index finds the lines, or most of those that are not it."""
        self.record: LineLabels = RecordLabels(self.conditions, columns)
        self.labels: LineLabels = self.record
        self._columns = columns
        self._forward = forward
        self._defined = 0
        self._from = _TABLE
        self._tests = [self.conditions.where]
        for matcher in query.matchers:
            self._select(matcher)
        self._look_words_up(query.stages)
        for stage in query.stages:
            self._apply(stage)

    def _select(self, matcher: Matcher) -> None:
        if matcher.label == SERVICE_LABEL:
            # All streams of all services are asked for a lot, and then no record's service has to be read.
            if not (matcher.operator == "=~" and matcher.value in _ANY_SERVICE):
                self._tests.append(matches(self.conditions, self._service(matcher), matcher))
            return
        self._look_up(matcher.label, matcher.operator, matcher.value)
        self._tests.append(matches(self.conditions, self.record.text(matcher.label), matcher))

    def _service(self, matcher: Matcher) -> str:
        """Return the SQL of a record's service; the table is sorted by it, and can be looked up as it is stored."""
        if matcher.operator in {"=", "!="}:
            may_be_none = matcher.value in {"", UNKNOWN_SERVICE}
        else:
            pattern = compiled(matcher.value)
            may_be_none = any(pattern.fullmatch(text) for text in ("", UNKNOWN_SERVICE))
        return self.record.text(SERVICE_LABEL) if may_be_none else "service"

    @property
    def source(self) -> str:
        """``FROM`` and ``WHERE``."""
        return f"FROM {self._from} WHERE {' AND '.join(self._tests) or '1'}"

    @property
    def _everything(self) -> str:
        return f"*{self._columns.all}" if self._from == _TABLE else "*"

    def test(self, condition: str) -> None:
        """Let lines pass of which this is true."""
        self._tests.append(condition)

    def define(self, sql: str) -> str:
        """
        Make a column of what stands in several places, and return its name.

        A name in WITH would not do: the engine puts the whole in each place.
        """
        name = f"d{self._defined}"
        self._defined += 1
        self._from, self._tests = f"(SELECT {self._everything}, {sql} AS {name} {self.source})", []
        return name

    def unwrap(self, unwrap: ast.Unwrap) -> str:
        """Return the SQL of the number that lines are taken for; those without the label do not pass."""
        text = self.define(self.labels.text(unwrap.label))
        value = self.define(number_of(text, unwrap.unit))
        self.test(f"{text} != ''")
        self._fail(f"isNull({value})", "SampleExtractionErr")
        self.labels = Chosen(self.labels, self.conditions, False, (unwrap.label,))
        for stage in unwrap.filters:
            self._apply(stage)
        return f"ifNull({value}, 0)"

    def _apply(self, stage: ast.Stage) -> None:  # noqa: C901 - a case a kind of stage
        match stage:
            case ast.LineFilter():
                self._tests.append(line_condition(self.conditions, stage, self.line))
            case ast.Words():
                self._tests.append(words_condition(self.conditions, stage, self.line))
            case ast.LabelFilter():
                if isinstance(stage.predicate, ast.TextFilter) and self.labels is self.record:
                    self._look_up(stage.predicate.label, stage.predicate.operator, stage.predicate.value)
                self._tests.append(label_condition(self.conditions, stage.predicate, self.labels))
                if error := number_error(stage.predicate, self.labels):
                    self._fail(error, "LabelFilterErr")
            case ast.LineFormat():
                self.line = self.define(self._template(stage.template))
            case ast.LabelFormat():
                for change in stage.changes:
                    self._change(*change)
            case ast.Keep():
                self.labels = Chosen(self.labels, self.conditions, stage.kind == "keep", stage.labels)
            case ast.Decolorize():
                self.line = self.define(f"replaceRegexpAll({self.line}, '{_COLOURS}', '')")
            case ast.Distinct():
                self._distinct(stage)
            case _:
                self._extract(stage)

    def _look_up(self, label: str, operator: str, value: str) -> None:
        if label not in self._columns.names and operator == "=" and (found := looked_up(self.conditions, label, value)):
            self._tests.append(found)
            self.by_index = True

    def _look_words_up(self, stages: Sequence[ast.Stage]) -> None:
        """Ask the index of words for all filters of lines as they are stored: here, since only the table has it."""
        for stage in stages:
            if isinstance(stage, _WORDS_UNTIL):
                return
            if hint := words_hint(self.conditions, stage):
                self._tests.append(hint)
                self.by_index = True

    def _extract(self, stage: ast.Json | ast.Logfmt | ast.Unpack | ast.Capture) -> None:
        line, names = self.line, None
        wrong: tuple[str, str] | None = None
        match stage:
            case ast.Json():
                wrong = f"NOT {extract.is_object(line)}", "JSONParserErr"
                pairs = self._json_fields(stage, line) if stage.fields else extract.json_pairs(line)
                names = [label for label, _ in stage.fields] or None
            case ast.Logfmt():
                if stage.strict:
                    wrong = f"NOT {extract.is_strict_logfmt(line)}", "LogfmtParserErr"
                fields = bool(stage.fields)
                pairs = extract.logfmt_fields(self.conditions, stage, line) if fields else extract.logfmt_pairs(line)
                names = [label for label, _ in stage.fields] or None
            case ast.Unpack():
                wrong = f"NOT {extract.is_object(line)}", "JSONParserErr"
                pairs = extract.unpack_pairs(line)
                self.line = self.define(extract.unpacked_line(line))
            case ast.Capture():
                pairs = extract.captures(self.conditions, stage, line)
                names = list(extract.captured_names(stage))
        self.labels = Extracted(self.labels, self.record, self.define(pairs), names)
        if wrong:
            self._fail(*wrong)

    def _json_fields(self, stage: ast.Json, line: str) -> str:
        try:
            return extract.json_fields(self.conditions, stage, line)
        except extract.PathError as error:
            raise UserInputError(f"json: {error}") from None

    def _fail(self, condition: str, error: str) -> None:
        """Mark the lines of which *condition* is true; the first error stays."""
        before = self.labels.text("__error__")
        marked = f"if({condition}, '{error}', '')"
        if before != "''":
            marked = f"if({before} != '', {before}, {marked})"
        self.labels = Changed(self.labels, "__error__", self.define(marked))

    def _change(self, label: str, made_of: str, is_template: bool) -> None:
        if is_template:
            self.labels = Changed(self.labels, label, self.define(self._template(made_of)))
            return
        value = self.define(self.labels.text(made_of))
        self.labels = Changed(Chosen(self.labels, self.conditions, False, (made_of,)), label, value)

    def _template(self, text: str) -> str:
        try:
            return template_sql(parse_template(text), self.conditions, self.line, self.labels)
        except TemplateError as error:
            raise UserInputError(f"invalid template {text[:80]!r}: {error}") from None

    def _distinct(self, stage: ast.Distinct) -> None:
        order = "ASC" if self._forward else "DESC"
        by = ", ".join(self.labels.text(label) for label in stage.labels)
        self._from = f"(SELECT {self._everything} {self.source} ORDER BY time {order} LIMIT 1 BY {by})"
        self._tests = []
