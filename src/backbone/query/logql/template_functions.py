"""The functions of templates, in SQL. Source: Grafana Loki 3, "Template functions"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import re2

from backbone.query.logql.readings import number_of
from backbone.query.logql.template import TemplateError
from backbone.query.selectors import PatternError, compiled

Kind = Literal["text", "number", "truth", "time"]
Bind = Callable[[str], str]
"""Gives a text to the statement as a parameter."""

_VERB = re.compile(r"%(-?)(\d*)(?:\.(\d+))?([sdvfgqxXtT%])")
_LAYOUT = {
    "2006": "%Y", "01": "%m", "02": "%d", "15": "%H", "03": "%I", "04": "%i", "05": "%S", "06": "%y", "Jan": "%b",
    "January": "%M", "Mon": "%a", "Monday": "%W", "PM": "%p", "MST": "UTC", "Z07:00": "Z", "-0700": "+0000",
    ".000000000": ".%f", ".000000": ".%f", ".000": ".%f",
}  # fmt: skip
_LAYOUTS = {"RFC3339": "2006-01-02T15:04:05Z07:00", "RFC3339Nano": "2006-01-02T15:04:05.000000000Z07:00"}
_MOST_TIMES = 10_000
_MOST_REPLACED = 50


@dataclass(frozen=True, slots=True)
class Made:
    """SQL of a value; ``value`` is what it is where that is known beforehand."""

    sql: str
    kind: Kind
    value: str | float | None = None
    logical: bool = False
    """A truth that is written as a text."""


Function = Callable[[str, Sequence[Made], Bind], Made]


def text_of(made: Made) -> str:
    """Return the SQL of a value as it is printed."""
    match made.kind:
        case "text":
            return made.sql
        case "number":
            return f"toString({made.sql})"
        case "truth" if not made.logical:
            return f"if({made.sql}, 'true', 'false')"
        case "truth":
            return made.sql
        case "time":
            return f"formatDateTime({made.sql}, '%Y-%m-%d %H:%i:%S +0000 UTC')"


def _number(made: Made) -> str:
    return made.sql if made.kind == "number" else f"toFloat64OrZero({text_of(made)})"


def _checked(name: str, made: Sequence[Made], count: int) -> Sequence[Made]:
    if len(made) != count:
        raise TemplateError(f"wrong number of args for {name}: want {count} got {len(made)}")
    return made


def _text(sql: str) -> Function:
    """Return the function whose SQL has ``{0}``, ``{1}`` for the texts of its arguments."""
    count = len(set(re.findall(r"\{(\d)\}", sql)))

    def made(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
        del bind
        return Made(sql.format(*(text_of(one) for one in _checked(name, arguments, count))), "text")

    return made


def _truth(sql: str) -> Function:
    made = _text(sql)
    return lambda name, arguments, bind: Made(made(name, arguments, bind).sql, "truth")


def _arithmetic(sql: str, *, whole: bool) -> Function:
    """Return a function of numbers, any count of them where ``sql`` is an operator that takes two."""

    def made(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
        del bind
        if len(arguments) < 2:
            raise TemplateError(f"wrong number of args for {name}: want at least 2 got {len(arguments)}")
        numbers = [f"toInt64(trunc({_number(one)}))" if whole else _number(one) for one in arguments]
        found = numbers[0]
        for one in numbers[1:]:
            found = sql.format(found, one)
        return Made(found, "number")

    return made


def _rounded(sql: str) -> Function:
    def made(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
        del bind
        if name == "round" and len(arguments) == 2:
            places = _known_number(name, arguments[1])
            return Made(f"round({_number(arguments[0])}, {places})", "number")
        return Made(sql.format(_number(_checked(name, arguments, 1)[0])), "number")

    return made


def _known_number(name: str, made: Made) -> int:
    if not isinstance(made.value, float):
        raise TemplateError(f"{name} takes a number there")
    return max(min(int(made.value), _MOST_TIMES), -_MOST_TIMES)


def _known_text(name: str, made: Made) -> str:
    if not isinstance(made.value, str):
        raise TemplateError(f"{name} takes a text in quotes there")
    return made.value


def _trimmed(name: str, arguments: Sequence[Made], bind: Bind, *, text: int, left: bool, right: bool) -> Made:
    """Take characters of a set away; ``text`` is the place of the text among the arguments."""
    _checked(name, arguments, 2)
    characters = re2.escape(_known_text(name, arguments[1 - text]))
    if not characters:
        return Made(text_of(arguments[text]), "text")
    ends = [f"^[{characters}]+"] * left + [f"[{characters}]+$"] * right
    return Made(f"replaceRegexpAll({text_of(arguments[text])}, {bind('|'.join(ends))}, '')", "text")


def _replaced(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
    """``Replace text old new count``."""
    del bind
    text, old, new, count = _checked(name, arguments, 4)
    times = _known_number(name, count)
    if times == 0:
        return Made(text_of(text), "text")
    function = "replaceAll" if times < 0 else "replaceOne"
    found = text_of(text)
    for _ in range(1 if times < 0 else min(times, _MOST_REPLACED)):
        found = f"{function}({found}, {text_of(old)}, {text_of(new)})"
    return Made(found, "text")


def _by_expression(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
    """``regexReplaceAll expression text replacement``."""
    expression, text, replacement = _checked(name, arguments, 3)
    pattern = _expression(name, expression)
    new = _known_text(name, replacement)
    groups = re2.compile(pattern).groupindex
    if name == "regexReplaceAllLiteral":
        new = new.replace("\\", "\\\\")
    else:
        new = re.sub(
            r"\$(?:\{(\w+)\}|(\w+))",
            lambda found: f"\\{groups.get(found[1] or found[2], found[1] or found[2])}",
            new.replace("\\", "\\\\"),
        )
    return Made(
        f"replaceRegexpAll({text_of(text)}, {bind(f'(?-s:{pattern})' if not groups else pattern)}, {bind(new)})", "text"
    )


def _expression(name: str, made: Made) -> str:
    pattern = _known_text(name, made)
    try:
        compiled(pattern)
    except PatternError as error:
        raise TemplateError(f"{name}: {error}") from None
    return pattern


def _counted(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
    """``count expression text``."""
    expression, text = _checked(name, arguments, 2)
    return Made(f"countMatches({text_of(text)}, {bind(_expression(name, expression))})", "number")


def _cut(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
    """``substr start end text`` and ``trunc length text``."""
    del bind
    if name == "trunc":
        wanted, text = _checked(name, arguments, 2)
        length = _known_number(name, wanted)
        # A negative length keeps the end.
        sql = f"substringUTF8({text_of(text)}, {length})" if length < 0 else f"leftUTF8({text_of(text)}, {length})"
        return Made(sql, "text")
    first, last, text = _checked(name, arguments, 3)
    begin, end = max(_known_number(name, first), 0), _known_number(name, last)
    size_of = f", {max(end - begin, 0)}" if end >= 0 else ""
    return Made(f"substringUTF8({text_of(text)}, {begin + 1}{size_of})", "text")


def _padded(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
    """``alignLeft width text``: exactly so wide."""
    del bind
    width, text = _checked(name, arguments, 2)
    size = max(_known_number(name, width), 0)
    pad = "rightPadUTF8" if name == "alignLeft" else "leftPadUTF8"
    cut = f"leftUTF8({text_of(text)}, {size})" if name == "alignLeft" else f"rightUTF8({text_of(text)}, {size})"
    return Made(f"{pad}({cut}, {size}, ' ')", "text")


def _repeated(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
    del bind
    times, text = _checked(name, arguments, 2)
    return Made(f"repeat({text_of(text)}, {max(_known_number(name, times), 0)})", "text")


def _indented(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
    width, text = _checked(name, arguments, 2)
    pad = bind(" " * max(min(_known_number(name, width), 100), 0))
    before = "'\\n', " if name == "nindent" else ""
    return Made(f"concat({before}{pad}, replaceAll({text_of(text)}, '\\n', concat('\\n', {pad})))", "text")


def _printed(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
    if not arguments:
        raise TemplateError("wrong number of args for printf: want at least 1 got 0")
    layout, values = _known_text(name, arguments[0]), list(arguments[1:])
    parts, at = ["''", "''"], 0
    for verb in _VERB.finditer(layout):
        parts.append(bind(layout[at : verb.start()]))
        at = verb.end()
        if verb[4] == "%":
            parts.append("'%'")
        elif not values:
            raise TemplateError(f"printf has no argument for {verb[0]!r}")
        else:
            parts.append(_verb(verb, values.pop(0)))
    if values:
        raise TemplateError("printf has more arguments than its format takes")
    return Made(f"concat({', '.join([*parts, bind(layout[at:])])})", "text")


def _verb(verb: re.Match[str], made: Made) -> str:
    left, width, places, kind = verb.groups()
    match kind:
        case "f" | "g":
            shown = f"printf('%.{min(int(places or 6), 30)}{kind}', toFloat64({_number(made)}))"
        case "d":
            shown = f"toString(toInt64({_number(made)}))"
        case "x" | "X":
            shown = f"lower(hex({text_of(made)}))" if kind == "x" else f"hex({text_of(made)})"
        case "q":
            shown = f"toJSONString({text_of(made)})"
        case _:
            shown = f"leftUTF8({text_of(made)}, {int(places)})" if places else text_of(made)
    if not width:
        return shown
    size = min(int(width), _MOST_TIMES)
    # What is wider than the width stays as it is.
    padded = f"{'rightPadUTF8' if left else 'leftPadUTF8'}({shown}, {size}, ' ')"
    return f"if(lengthUTF8({shown}) >= {size}, {shown}, {padded})"


def _otherwise(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
    """``default text value``."""
    del bind
    other, value = _checked(name, arguments, 2)
    return Made(f"if({text_of(value)} != '', {text_of(value)}, {text_of(other)})", "text")


def _converted(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
    del bind
    text = text_of(_checked(name, arguments, 1)[0])
    match name:
        case "bytes":
            return Made(f"ifNull({number_of(text, 'bytes')}, 0)", "number")
        case "duration" | "duration_seconds":
            return Made(f"ifNull({number_of(text, 'duration')}, 0)", "number")
        case "int":
            return Made(f"toInt64(trunc(toFloat64OrZero({text})))", "number")
        case _:
            return Made(f"toFloat64OrZero({text})", "number")


def _moment(name: str, arguments: Sequence[Made], bind: Bind) -> Made:
    """``date layout time`` and ``unixEpoch time``."""
    if name != "date":
        [moment] = _checked(name, arguments, 1)
        unit = {"unixEpoch": "toUnixTimestamp", "unixEpochMillis": "toUnixTimestamp64Milli"}
        return Made(f"toString({unit.get(name, 'toUnixTimestamp64Nano')}({_time(name, moment)}))", "text")
    layout, moment = _checked(name, arguments, 2)
    wanted = _known_text(name, layout)
    wanted = _LAYOUTS.get(wanted, wanted).replace("%", "%%")
    parts = sorted(_LAYOUT, key=len, reverse=True)
    shown = re.sub("|".join(map(re.escape, parts)), lambda found: _LAYOUT[found[0]], wanted)
    return Made(f"formatDateTime({_time(name, moment)}, {bind(shown)}, 'UTC')", "text")


def _time(name: str, made: Made) -> str:
    if made.kind != "time":
        raise TemplateError(f"{name} takes a time, such as __timestamp__")
    return made.sql


FUNCTIONS: Mapping[str, Function] = {
    **dict.fromkeys(("ToLower", "lower"), _text("lowerUTF8({0})")),
    **dict.fromkeys(("ToUpper", "upper"), _text("upperUTF8({0})")),
    **dict.fromkeys(("TrimSpace", "trim"), _text("replaceRegexpAll({0}, '^\\\\s+|\\\\s+$', '')")),
    "title": _text("initcapUTF8({0})"),
    "Replace": _replaced,
    "replace": _text("replaceAll({2}, {0}, {1})"),
    "Trim": partial(_trimmed, text=0, left=True, right=True),
    "TrimLeft": partial(_trimmed, text=0, left=True, right=False),
    "TrimRight": partial(_trimmed, text=0, left=False, right=True),
    "trimAll": partial(_trimmed, text=1, left=True, right=True),
    "TrimPrefix": _text("if(startsWith({0}, {1}), substring({0}, length({1}) + 1), {0})"),
    "trimPrefix": _text("if(startsWith({1}, {0}), substring({1}, length({0}) + 1), {1})"),
    "TrimSuffix": _text("if(endsWith({0}, {1}), left({0}, length({0}) - length({1})), {0})"),
    "trimSuffix": _text("if(endsWith({1}, {0}), left({1}, length({1}) - length({0})), {1})"),
    "contains": _truth("position({1}, {0}) > 0"),
    "hasPrefix": _truth("startsWith({1}, {0})"),
    "hasSuffix": _truth("endsWith({1}, {0})"),
    "regexReplaceAll": _by_expression,
    "regexReplaceAllLiteral": _by_expression,
    "count": _counted,
    "substr": _cut,
    "trunc": _cut,
    "alignLeft": _padded,
    "alignRight": _padded,
    "repeat": _repeated,
    "indent": _indented,
    "nindent": _indented,
    "printf": _printed,
    "default": _otherwise,
    "urlencode": _text("encodeURLFormComponent({0})"),
    "urldecode": _text("decodeURLFormComponent({0})"),
    "b64enc": _text("base64Encode({0})"),
    "b64dec": _text("tryBase64Decode({0})"),
    "add": _arithmetic("({0} + {1})", whole=True),
    "sub": _arithmetic("({0} - {1})", whole=True),
    "mul": _arithmetic("({0} * {1})", whole=True),
    "div": _arithmetic("intDivOrZero({0}, {1})", whole=True),
    "mod": _arithmetic("moduloOrZero({0}, {1})", whole=True),
    "max": _arithmetic("greatest({0}, {1})", whole=True),
    "min": _arithmetic("least({0}, {1})", whole=True),
    "addf": _arithmetic("({0} + {1})", whole=False),
    "subf": _arithmetic("({0} - {1})", whole=False),
    "mulf": _arithmetic("({0} * {1})", whole=False),
    "divf": _arithmetic("({0} / {1})", whole=False),
    "maxf": _arithmetic("greatest({0}, {1})", whole=False),
    "minf": _arithmetic("least({0}, {1})", whole=False),
    "floor": _rounded("floor({0})"),
    "ceil": _rounded("ceil({0})"),
    "round": _rounded("round({0})"),
    **dict.fromkeys(("int", "float64", "bytes", "duration", "duration_seconds"), _converted),
    **dict.fromkeys(("date", "unixEpoch", "unixEpochMillis", "unixEpochNanos"), _moment),
}
