"""
Names of metrics and labels in Prometheus' form, as SQL expressions.

Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility"; the units are UCUM's.
"""

from __future__ import annotations

UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "kBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "%": "percent",
    "1": "",
}
_PER = {"s": "second", "m": "minute", "min": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}


def unit(unit: str, kind: str) -> str:
    """Return the words of an OpenTelemetry unit: ``ms`` gives ``milliseconds``, ``By/s`` ``bytes_per_second``."""
    parts = f"splitByChar('/', replaceRegexpAll({unit}, '\\\\{{[^}}]*\\\\}}', ''))"
    first, per = _words(f"trimBoth({parts}[1])", UNITS), _words(f"trimBoth({parts}[2])", _PER)
    words = f"arrayFilter(w -> w NOT IN ('', 'per_'), [{first}, concat('per_', {per})])"
    return f"if({unit} = '1' AND {kind} = 'gauge', 'ratio', arrayStringConcat({words}, '_'))"


def metric(name: str, words: str, kind: str) -> str:
    """
    Return the metric's name: legal characters, its unit's words, ``_total`` for a counter.

    Args:
        name: the OpenTelemetry name.
        words: the unit's words, of `unit`.
        kind: the Prometheus type.
    """
    # Arrays of one give what stands in several places a name, without which the engine looks at all of it each time.
    legal = f"trimBoth(replaceRegexpAll({name}, '[^a-zA-Z0-9:]+', '_'), '_')"
    bare = f"arrayMap(l -> if({kind} = 'counter', replaceRegexpOne(l, '_total$', ''), l), [{legal}])"
    # A unit that the name already says as a word is not said again.
    said = "position(concat('_', n, '_'), concat('_', w, '_')) > 0"
    united = f"if(w = '' OR {said}, n, concat(n, '_', w))"
    suffixed = f"arrayMap((n, w) -> concat({united}, if({kind} = 'counter', '_total', '')), {bare}, [{words}])[1]"
    return f"replaceRegexpOne({suffixed}, '^([0-9])', '_\\\\1')"


def label(name: str) -> str:
    """Return a label's name: legal characters, not a digit first."""
    return f"replaceRegexpOne(replaceRegexpAll({name}, '[^a-zA-Z0-9_]', '_'), '^([0-9])', 'key_\\\\1')"


def _words(unit: str, words: dict[str, str]) -> str:
    units, names = list(words), list(words.values())
    legal = f"trimBoth(replaceRegexpAll({unit}, '[^a-zA-Z0-9]+', '_'), '_')"
    return f"transform({unit}, {units}, {names}, {legal})"
