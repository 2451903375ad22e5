"""
Fields of lines: which there are, found by looking at some of the lines, and the most frequent texts of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backbone.query.logql import extract
from backbone.query.logql.ast import LogQuery
from backbone.query.logql.base_labels import STREAM_LABELS
from backbone.query.logql.columns import label_columns
from backbone.query.logql.pipeline import Pipeline
from backbone.store.engine import Engine, QueryLimits

Window = tuple[int, int]
"""Nanoseconds: from the first on and before the second."""

_FORMS = {
    "boolean": r"^(true|false)$",
    "int": r"^[+-]?[0-9]+$",
    "float": r"^[+-]?[0-9]*\\.?[0-9]+([eE][+-]?[0-9]+)?$",
    "duration": r"^([0-9]*\\.?[0-9]+(ns|us|µs|ms|s|m|h))+$",
    "bytes": r"^[0-9]*\\.?[0-9]+\\s?[kKMGTPE]?i?B$",
}
"""What every text of a field looks like if it is of a type, the narrowest first."""
_MOST_FIELDS = 1_000


@dataclass(frozen=True, slots=True)
class Field:
    """A field of so many lines of the sample; ``parser`` is what makes it of a line, '' where the record has it."""

    label: str
    type: str
    cardinality: int
    parser: str
    lines: int


async def detected_fields(
    engine: Engine, tenant: str, query: LogQuery, window: Window, *, sample: int, limits: QueryLimits
) -> list[Field]:
    """Return the fields of the newest *sample* lines that a query finds, those of most lines first."""
    pipeline = Pipeline(tenant, query, window, label_columns(engine))
    conditions = pipeline.conditions
    forms = ", ".join(f"countIf(match(value, '{form}')) AS is_{name}" for name, form in _FORMS.items())
    sql = f"""
SELECT label, parser, count() AS lines, uniqExact(value) AS cardinality, {forms} FROM (
    SELECT arrayJoin(arrayConcat({_pairs("record", "")},
        if({extract.is_object("line")}, {_pairs(extract.json_pairs("line"), "json")},
            {_pairs(extract.logfmt_pairs("line"), "logfmt")}))) AS pair,
        pair.1 AS label, pair.2 AS value, pair.3 AS parser
    FROM (
        SELECT {pipeline.line} AS line, {pipeline.labels.everything()} AS record
        {pipeline.source} ORDER BY time DESC LIMIT {conditions.bind("UInt32", sample)}
    )
) WHERE value != '' AND NOT has({conditions.bind("Array(String)", list(STREAM_LABELS))}, label)
GROUP BY label, parser ORDER BY lines DESC, label, parser LIMIT {_MOST_FIELDS}
"""
    return [_field(row) for row in await engine.rows(conditions.statement(sql), limits)]


async def top_values(
    engine: Engine, tenant: str, query: LogQuery, window: Window, *, label: str, limit: int, limits: QueryLimits
) -> list[tuple[str, int]]:
    """Return the most frequent texts of a label among the lines that a query finds, with how many lines have each."""
    pipeline = Pipeline(tenant, query, window, label_columns(engine))
    conditions = pipeline.conditions
    sql = (
        f"SELECT value, lines FROM (SELECT {pipeline.labels.text(label)} AS value, "
        f"count() AS lines {pipeline.source} GROUP BY value) WHERE value != '' "
        f"ORDER BY lines DESC, value LIMIT {conditions.bind('UInt32', limit)}"
    )
    rows = await engine.rows(conditions.statement(sql), limits)
    return [(row["value"], row["lines"]) for row in rows]


def _pairs(labels: str, parser: str) -> str:
    pairs = f"CAST({labels}, 'Array(Tuple(String, String))')"
    return f"arrayMap(p -> (p.1, p.2, '{parser}'), {pairs})"


def _field(row: dict[str, Any]) -> Field:
    kind = next((name for name in _FORMS if row[f"is_{name}"] == row["lines"]), "string")
    return Field(row["label"], kind, row["cardinality"], row["parser"], row["lines"])
