"""
Templates of lines, with counts: ``took <_> ms for <_>``.

The engine takes what has a digit in it for variable and counts what is left; templates that still differ in a word or
two are put together here, of which there are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from backbone.query.logql.ast import LogQuery
from backbone.query.logql.base_labels import LEVEL
from backbone.query.logql.columns import label_columns
from backbone.query.logql.fields import Window
from backbone.query.logql.pipeline import Pipeline
from backbone.store.engine import Engine, QueryLimits

ANYTHING: Final = "<_>"
_VARIABLE = r"[\\w.:%@+-]*[0-9][\\w.:%@+-]*"
_MOST_TEMPLATES = 3_000
_MOST_TOKENS = 100
_ALIKE = 0.6
"""How many of two templates' words must be the same for them to be one."""


@dataclass(slots=True)
class Pattern:
    """A template, the most frequent severity of its lines, and how many there are by time."""

    text: str
    level: str
    counts: dict[int, int] = field(default_factory=dict)
    """By the start of each step in nanoseconds."""
    baseline: int = 0
    """How many there are in the time compared with."""

    @property
    def lines(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Template:
    """What the engine found: words, severity, and counts by start of step."""

    words: tuple[str, ...]
    level: str
    counts: Sequence[tuple[int, int]]
    in_baseline: bool = False


async def find_patterns(
    engine: Engine,
    tenant: str,
    query: LogQuery,
    window: Window,
    *,
    step_ns: int,
    limits: QueryLimits,
    baseline: Window | None = None,
) -> list[Pattern]:
    """
    Return the patterns of the lines that a query finds, the most frequent first.

    Args:
        baseline: a time to compare with, whose lines are counted as a whole.
    """
    found = await _templates(engine, tenant, query, window, step_ns, limits)
    if baseline:
        width = max(baseline[1] - baseline[0], 1)
        before = await _templates(engine, tenant, query, baseline, width, limits)
        found += [Template(one.words, one.level, one.counts, in_baseline=True) for one in before]
    return merged(found)


async def _templates(
    engine: Engine, tenant: str, query: LogQuery, window: Window, step_ns: int, limits: QueryLimits
) -> list[Template]:
    pipeline = Pipeline(tenant, query, window, label_columns(engine))
    step = pipeline.conditions.bind("Int64", step_ns)
    sql = f"""
SELECT template, argMax(level, lines) AS level, groupArray((start_ns, lines)) AS counts FROM (
    SELECT replaceRegexpAll({pipeline.line}, '{_VARIABLE}', '{ANYTHING}') AS template,
        intDiv(toUnixTimestamp64Nano(time), {step}) * {step} AS start_ns, {LEVEL} AS level, count() AS lines
    {pipeline.source} GROUP BY template, start_ns, level
) GROUP BY template ORDER BY sum(lines) DESC, template LIMIT {_MOST_TEMPLATES}
"""
    rows = await engine.rows(pipeline.conditions.statement(sql), limits)
    return [
        Template(
            tuple(row["template"].split(None, _MOST_TOKENS)), row["level"], [(at, count) for at, count in row["counts"]]
        )
        for row in rows
    ]


@dataclass(slots=True)
class _Cluster:
    words: list[str]
    pattern: Pattern


def merged(templates: Iterable[Template]) -> list[Pattern]:
    """Return patterns: templates of as many words of which most are the same are one."""
    clusters: dict[tuple[int, str], list[_Cluster]] = {}
    for template in templates:
        words = template.words
        # A first word that varies says nothing.
        key = len(words), words[0] if words and ANYTHING not in words[0] else ANYTHING
        known = clusters.setdefault(key, [])
        cluster = next((one for one in known if _alike(one.words, words)), None)
        if cluster is None:
            cluster = _Cluster(list(words), Pattern("", template.level))
            known.append(cluster)
        cluster.words = [own if own == new else ANYTHING for own, new in zip(cluster.words, words, strict=True)]
        _count(cluster.pattern, template)
    patterns = []
    for cluster in (one for known in clusters.values() for one in known):
        cluster.pattern.text = " ".join(cluster.words)
        patterns.append(cluster.pattern)
    return sorted(patterns, key=lambda pattern: (-pattern.lines, -pattern.baseline, pattern.text))


def _alike(known: Sequence[str], words: Sequence[str]) -> bool:
    same = sum(own == new for own, new in zip(known, words, strict=True))
    return same >= _ALIKE * len(words)


def _count(pattern: Pattern, template: Template) -> None:
    for start, lines in template.counts:
        if template.in_baseline:
            pattern.baseline += lines
        else:
            pattern.counts[start] = pattern.counts.get(start, 0) + lines
