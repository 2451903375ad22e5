"""
What people type into a search box: ``error service:omnirelay duration_ms>250 -timeout "peer lost"``.

Words must be in the line, as whole words, and texts in quotes wherever they stand, in letters of any case;
``field:value`` compares a label, with ``*`` for any characters; ``field>number``, also with a unit, compares numbers;
``-`` before any of them negates it; ``OR`` between words or texts lets either be there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches

from backbone.query.grammars import MAX_LENGTH
from backbone.query.logql.ast import (
    LabelFilter,
    LogQuery,
    NumberFilter,
    NumberOperator,
    Phrase,
    Span,
    Stage,
    TextFilter,
    Words,
)
from backbone.query.logql.errors import syntax_error
from backbone.query.logql.texts import measured
from backbone.query.selectors import Matcher

_TERM = re.compile(
    r"""(?P<minus>-)?(?:(?P<field>[a-zA-Z_][\w./-]*)(?P<operator>:>=|:<=|:>|:<|:|>=|<=|!=|=|>|<))?"""
    r"""(?:"(?P<phrase>(?:\\.|[^"\\])*)"|(?P<open>")|(?P<word>[^\s"]+))?""",
    re.DOTALL,
)
_WORD = re.compile(r"\w")
_NAMES = {
    "service": "service_name", "level": "detected_level", "severity": "detected_level", "trace": "trace_id",
    "span": "span_id", "scope": "scope_name",
}  # fmt: skip
_SEVERITIES = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "warning": 13, "error": 17, "fatal": 21}
_MEASURES = (
    ("DURATION", re.compile(r"([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w|y))+")),
    ("BYTES", re.compile(r"[0-9]+(\.[0-9]+)?([kKMGTPE]i?)?B")),
    ("NUMBER", re.compile(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")),
)


@dataclass(frozen=True, slots=True)
class _Term:
    span: Span
    negated: bool
    field: str
    operator: str
    value: str
    quoted: bool


def parse_search(text: str) -> LogQuery:
    """
    Return the query that a search text means; nothing finds all lines.

    Raises:
        LogQLSyntaxError: a quote is not closed, or what should be a number is none; with line and column.
    """
    if len(text) > MAX_LENGTH:
        raise syntax_error(text, MAX_LENGTH, f"the search has {len(text)} characters, at most {MAX_LENGTH} are read")
    matchers: list[Matcher] = []
    stages: list[Stage] = []
    joined = False
    for term in _terms(text):
        if not term.field and not term.quoted and term.value == "OR":
            joined = bool(stages) and isinstance(stages[-1], Words) and not stages[-1].negated
            continue
        made = _made(text, term)
        if isinstance(made, Matcher):
            matchers.append(made)
        elif joined and isinstance(made, Words) and not made.negated and isinstance(last := stages[-1], Words):
            stages[-1] = Words(Span(last.span.start, made.span.end), last.phrases + made.phrases)
        else:
            stages.append(made)
        joined = False
    return LogQuery(Span(0, len(text)), tuple(matchers), tuple(stages))


def _terms(text: str) -> list[_Term]:
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        term = _TERM.match(text, at)
        assert term is not None
        if term["open"]:
            raise syntax_error(text, term.start("open"), "this quote is not closed")
        if term.end() == at:
            at += 1
            continue
        phrase = term["phrase"]
        value = term["word"] or "" if phrase is None else re.sub(r"\\(.)", r"\1", phrase)
        span = Span(at, term.end())
        at = term.end()
        known = _Term(
            span, term["minus"] is not None, term["field"] or "", term["operator"] or "", value, phrase is not None
        )
        if known.operator == ":" and not known.quoted and (not value or value.startswith("//")):
            # No field, but the end of a sentence's first part, or an address.
            known = replace(known, field="", operator="", value=text[term.start("field") : at].rstrip(":"))
        if known.field or (known.quoted and value) or _WORD.search(known.value):
            found.append(known)
    return found


def _made(text: str, term: _Term) -> Matcher | Stage:
    if not term.field:
        return Words(term.span, (Phrase(term.value, whole=not term.quoted),), term.negated)
    label = _NAMES.get(term.field, re.sub(r"[^a-zA-Z0-9_]", "_", term.field))
    operator = term.operator.removeprefix(":") or ":"
    if operator in {">", ">=", "<", "<="}:
        return _compared(text, term, label, operator)
    negated = term.negated != (operator == "!=")
    if term.quoted or "*" not in term.value:
        kind, value = ("!=" if negated else "="), term.value
    else:
        kind, value = ("!~" if negated else "=~"), ".*".join(re.escape(part) for part in term.value.split("*"))
        value = value.replace(".*", ".+") if value == ".*" else value
    if label == "detected_level":
        value = {"warning": "warn"}.get(value.lower(), value.lower())
    if label == "service_name" and kind == "=":
        return Matcher(label, "=", value)
    return LabelFilter(term.span, TextFilter(term.span, label, kind, value))  # type: ignore[arg-type]


def _compared(text: str, term: _Term, label: str, operator: str) -> LabelFilter:
    opposite = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
    wanted: NumberOperator = opposite[operator] if term.negated else operator  # type: ignore[assignment]
    if label == "detected_level":
        number = _SEVERITIES.get(term.value.lower())
        if number is None:
            near = get_close_matches(term.value.lower(), _SEVERITIES, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            known = ", ".join(_SEVERITIES)
            raise syntax_error(text, term.span.start, f"unknown severity {term.value[:40]!r}, there are {known}{hint}")
        # Severities are ranges of four numbers.
        number += 3 if wanted in {">", "<="} else 0
        return LabelFilter(term.span, NumberFilter(term.span, "severity_number", wanted, number, "number"))
    for kind, shape in _MEASURES:
        if shape.fullmatch(term.value):
            value, unit = measured(kind, term.value)
            return LabelFilter(term.span, NumberFilter(term.span, label, wanted, value, unit))
    what = f"'{operator}' compares numbers, durations or sizes, got {term.value[:40]!r}"
    raise syntax_error(text, term.span.start, what)
