"""What parsers make of a line, in SQL: maps from label to text."""

from __future__ import annotations

import re

import re2

from backbone.query.conditions import Conditions
from backbone.query.logql.ast import Capture, Json, Logfmt

NESTING = 5
"""How deep ``| json`` goes; what lies deeper is left out."""

_PATH = re.compile(r'\s*\.?\s*(?:([a-zA-Z_]\w*)|\[\s*(?:(\d+)|"((?:[^"\\]|\\.)*)")\s*\])')
_PAIR = r'([^\\s="]+)(?:=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s"]*)))?'
_STRICT = r'^\\s*([^\\s="]+=("([^"\\\\]|\\\\.)*"|[^\\s"]*)(\\s+|$))*$'
_NAME = "replaceRegexpAll({}, '[^a-zA-Z0-9_]', '_')"
_IN_QUOTES = "JSONExtractString(concat('\"', {0}, '\"'))"


class PathError(ValueError):
    """A path into JSON that is none."""


def is_object(line: str) -> str:
    """Return the SQL that tells whether a line is a JSON object."""
    return f"(JSONType({line}) = 'Object')"


def json_pairs(line: str) -> str:
    """Return all fields, those of objects in objects joined by ``_``; lists are left out."""
    pairs = f"JSONExtractKeysAndValuesRaw({line})"
    for _ in range(NESTING - 1):
        inner = "arrayMap(q -> (concat(p.1, '_', q.1), q.2), JSONExtractKeysAndValuesRaw(p.2))"
        pairs = f"arrayFlatten(arrayMap(p -> if(startsWith(p.2, '{{'), {inner}, [p]), {pairs}))"
    scalars = f"arrayFilter(p -> NOT (substring(p.2, 1, 1) IN ('[', '{{')), {pairs})"
    return _map(scalars, "p.1", _scalar("p.2"))


def json_fields(conditions: Conditions, stage: Json, line: str) -> str:
    """
    Return some fields by their paths.

    Raises:
        PathError: a path is none.
    """
    found = []
    for label, path in stage.fields:
        keys = [conditions.bind(*_bound(step)) for step in parse_path(path)]
        raw = f"JSONExtractRaw({', '.join([line, *keys])})"
        found.append(f"{conditions.bind('String', label)}, {_scalar(raw)}")
    return f"map({', '.join(found)})"


def _bound(step: str | int) -> tuple[str, str | int]:
    # The engine counts from 1.
    return ("Int64", step + 1) if isinstance(step, int) else ("String", step)


def parse_path(path: str) -> list[str | int]:
    """
    Return the steps of ``a.b["c d"][0]``.

    Raises:
        PathError: it is none.
    """
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        found = _PATH.match(path, at)
        if found is None:
            raise PathError(f"cannot read the path {path[:60]!r} from {path[at : at + 20]!r} on")
        key, index, quoted = found.groups()
        steps.append(int(index[:9]) if index else key or re.sub(r"\\(.)", r"\1", quoted))
        at = found.end()
    if not steps:
        raise PathError("a path is empty")
    return steps


def unpack_pairs(line: str) -> str:
    """Return the texts of a packed line, without the line itself, which `unpacked_line` is."""
    pairs = f"arrayFilter(p -> p.1 != '_entry' AND startsWith(p.2, '\"'), JSONExtractKeysAndValuesRaw({line}))"
    return _map(pairs, "p.1", "JSONExtractString(p.2)")


def unpacked_line(line: str) -> str:
    return f"if(JSONHas({line}, '_entry'), JSONExtractString({line}, '_entry'), {line})"


def logfmt_pairs(line: str) -> str:
    """Return all pairs of a line; later ones replace earlier ones of the same key."""
    pairs = f"arrayReverse(extractAllGroupsVertical({line}, '{_PAIR}'))"
    return _map(
        pairs, "p[1]", f"if(p[2] != '', if(position(p[2], '\\\\') > 0, {_IN_QUOTES.format('p[2]')}, p[2]), p[3])"
    )


def logfmt_fields(conditions: Conditions, stage: Logfmt, line: str) -> str:
    """Return some pairs, by their keys, under labels of one's choice."""
    whole = logfmt_pairs(line)
    found = ", ".join(
        f"{conditions.bind('String', label)}, {whole}[{_NAME.format(conditions.bind('String', key))}]"
        for label, key in stage.fields
    )
    return f"map({found})"


def is_strict_logfmt(line: str) -> str:
    return f"match({line}, '{_STRICT}')"


def captures(conditions: Conditions, stage: Capture, line: str) -> str:
    """Return what the named groups of an expression hold."""
    groups = re2.compile(stage.expression).groupindex
    flags = "s" if stage.kind == "pattern" else "-s"
    expression = conditions.bind("String", f"(?{flags}:{stage.expression})")
    held = f"extractGroups({line}, {expression})"
    return f"map({', '.join(f'{chr(39)}{name}{chr(39)}, {held}[{index}]' for name, index in groups.items())})"


def captured_names(stage: Capture) -> tuple[str, ...]:
    return tuple(re2.compile(stage.expression).groupindex)


def _scalar(raw: str) -> str:
    """Return the SQL of a JSON value as a label has it: strings without quotes, nothing for null."""
    return f"multiIf(startsWith({raw}, '\"'), JSONExtractString({raw}), {raw} = 'null', '', {raw})"


def _map(pairs: str, key: str, value: str) -> str:
    name = _NAME.format(key)
    return f"CAST(arrayMap(p -> ({name}, {value}), {pairs}), 'Map(String, String)')"
