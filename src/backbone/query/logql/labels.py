"""A line's labels at some point of a pipeline, as SQL: each is what came before it with something changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backbone.query.conditions import Conditions
from backbone.query.logql.base_labels import label_text, stream_map, whole_map
from backbone.query.logql.columns import NO_COLUMNS, LabelColumns
from backbone.query.selectors import Matcher

ERROR_LABELS = ("__error__", "__error_details__")
EXTRACTED = "_extracted"
"""What is put after the name of an extracted label that a record has already."""


class LineLabels(Protocol):
    """What SQL can ask of a line's labels; SQL of texts, where '' stands for none."""

    def text(self, name: str) -> str:
        """Return the SQL of one label."""
        ...

    def everything(self) -> str:
        """Return the SQL of a map of all labels, in which some may be empty."""
        ...

    def series(self) -> str:
        """Return the SQL of a map of the stream's labels and those that stages made, which series are told apart by."""
        ...


@dataclass(frozen=True, slots=True)
class RecordLabels:
    """Those of the record itself."""

    conditions: Conditions
    columns: LabelColumns = NO_COLUMNS

    def text(self, name: str) -> str:
        return "''" if name in ERROR_LABELS else label_text(self.conditions, name, self.columns.column(name))

    def everything(self) -> str:
        return whole_map(self.conditions)

    def series(self) -> str:
        return stream_map(self.conditions)


@dataclass(frozen=True, slots=True)
class Extracted:
    """Labels with those of ``pairs``, the SQL of a map; names that the record has already end in ``_extracted``."""

    before: LineLabels
    record: LineLabels
    pairs: str
    names: Sequence[str] | None = None
    """All that ``pairs`` can hold, if that is known."""

    def text(self, name: str) -> str:
        before = self.before.text(name)
        found = self._found(name)
        if name.endswith(EXTRACTED):
            stem = name.removesuffix(EXTRACTED)
            taken = f"if({self.record.text(stem)} != '', {self._found(stem)}, '')"
            found = f"if({taken} != '', {taken}, {found})"
        if found == "''":
            return before
        return f"multiIf({self.record.text(name)} != '', {self.record.text(name)}, {found} != '', {found}, {before})"

    def everything(self) -> str:
        return f"mapUpdate({self.before.everything()}, {self._renamed()})"

    def series(self) -> str:
        return f"mapUpdate({self.before.series()}, {self._renamed()})"

    def _found(self, name: str) -> str:
        return f"{self.pairs}['{name}']" if self.names is None or name in self.names else "''"

    def _renamed(self) -> str:
        known = self.record.everything()
        return (
            f"mapApply((k, v) -> (if(mapContains({known}, k), concat(k, '{EXTRACTED}'), k), v), "
            f"mapFilter((k, v) -> v != '', {self.pairs}))"
        )


@dataclass(frozen=True, slots=True)
class Changed:
    """Labels of which one has another text."""

    before: LineLabels
    name: str
    value: str

    def text(self, name: str) -> str:
        return self.value if name == self.name else self.before.text(name)

    def everything(self) -> str:
        return self._in(self.before.everything())

    def series(self) -> str:
        return self._in(self.before.series())

    def _in(self, labels: str) -> str:
        return f"mapUpdate({labels}, map('{self.name}', {self.value}))"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Labels without some, or with those only; of a matcher, where it is met."""

    before: LineLabels
    conditions: Conditions
    kept: bool
    labels: Sequence[str | Matcher]

    def text(self, name: str) -> str:
        own = self.before.text(name)
        told = [one for one in self.labels if name == (one.label if isinstance(one, Matcher) else one)]
        if name in ERROR_LABELS and self.kept:
            return own
        if any(isinstance(one, str) for one in told):
            return own if self.kept else "''"
        if not told:
            return "''" if self.kept else own
        met = " OR ".join(matches(self.conditions, own, one) for one in told if isinstance(one, Matcher))
        return f"if({met}, {own}, '')" if self.kept else f"if({met}, '', {own})"

    def everything(self) -> str:
        return self._of(self.before.everything())

    def series(self) -> str:
        return self._of(self.before.series())

    def _of(self, labels: str) -> str:
        tests = []
        for one in self.labels:
            name = self.conditions.bind("String", one.label if isinstance(one, Matcher) else one)
            met = f" AND {matches(self.conditions, 'v', one)}" if isinstance(one, Matcher) else ""
            tests.append(f"(k = {name}{met})")
        any_of = " OR ".join(tests)
        keeps = f"({any_of}) OR k IN ('__error__', '__error_details__')" if self.kept else f"NOT ({any_of})"
        return f"mapFilter((k, v) -> {keeps}, {labels})"


def matches(conditions: Conditions, text: str, matcher: Matcher) -> str:
    """Return the SQL that tells whether a text is what a matcher wants."""
    if matcher.operator in {"=", "!="}:
        return f"({text} {matcher.operator} {conditions.bind('String', matcher.value)})"
    pattern = conditions.bind("String", f"^(?s:{matcher.value})$")
    return f"({'NOT ' if matcher.operator == '!~' else ''}match({text}, {pattern}))"
