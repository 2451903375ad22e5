"""
OpenTelemetry's consistent probability sampling: a trace's randomness, held against a threshold.

Both are 56 bits. What is kept at one probability is kept at any larger one, whoever decides, so services and samplers
agree without talking. Here they are strings of 7 bytes, which compare as the numbers do.

Source: OpenTelemetry specification 1.4x, "TraceState: Probability Sampling" and "TraceState Handling".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from backbone.process.literals import literals

DIGITS = 14
_PRECISION = 4
_ALL = 1 << 4 * DIGITS

# The value of a sub-key of the list's member `ot`, empty where it is missing or malformed.
_SUB_KEY = r"(?:^|,)[ \\t]*ot=(?:[^,]*;)?{key}:({form})[ \\t]*(?:[;,]|$)"
_RV = _SUB_KEY.format(key="rv", form="[0-9a-fA-F]{14}")
_TH = _SUB_KEY.format(key="th", form="[0-9a-fA-F]{1,14}")


def threshold(ratio: float) -> str:
    """
    Return the threshold of a probability over 0 and up to 1: hexadecimal digits without the zeros at their end.

    It has 4 digits after leading ``f``, as SDKs have, so that the same ratio means the same everywhere.
    """
    if ratio == 1:
        return "0"
    _, exponent = math.frexp(ratio)
    precision = max(1, min(12, _PRECISION + exponent // -4))
    rejected = 2 - ratio + math.ldexp(0.5, -4 * precision)
    digits = "f" * 13 if rejected >= 2 else rejected.hex()[4:-3]
    return digits[:precision].rstrip("0") or "0"


def probability(th: str) -> float:
    """Return the probability that a threshold stands for."""
    return (_ALL - int(th.ljust(DIGITS, "0"), 16)) / _ALL


def packed(th: str) -> str:
    """Return the SQL of a threshold as 7 bytes."""
    return f"unhex('{th.ljust(DIGITS, '0')}')"


def randomness() -> str:
    """Return the SQL of a span's randomness: what its state says, or else the last 7 bytes of its trace's id."""
    own, explicit = id_randomness(), explicit_randomness()
    return f"if(position(trace_state, 'rv:') = 0, {own}, if({explicit} = '', {own}, {explicit}))"


def explicit_randomness() -> str:
    """Return the SQL of the randomness that a span's state says, empty where it says none."""
    return f"if(position(trace_state, 'rv:') = 0, '', unhex(extract(trace_state, '{_RV}')))"


def id_randomness() -> str:
    """Return the SQL of the randomness that a trace's id has."""
    return "substring(trace_id, 10, 7)"


def upstream() -> str:
    """Return the SQL of the threshold that a span comes with, all zeros where it has none."""
    digits = f"extract(trace_state, '{_TH}')"
    return f"if(position(trace_state, 'th:') = 0, {packed('0')}, unhex(rightPad({digits}, {DIGITS}, '0')))"


def by_service(default: str, services: Mapping[str, str]) -> str:
    """Return the SQL of the threshold that a row's service has, as 7 bytes."""
    if not services:
        return packed(default)
    own = ", ".join(packed(th) for th in services.values())
    return f"transform(service, {literals(services)}, [{own}], {packed(default)})"


def with_threshold(packed_threshold: str) -> str:
    """
    Return the SQL of a trace's state with another threshold, which is not that of everything.

    What else ``ot`` says is kept, and so are other members; ``ot`` comes first, as the one that changed last, and of
    more than 32 members the last go. Where ``ot`` would be longer than 256 bytes, the state stays what it is.
    """
    ot = r"extract(trace_state, '(?:^|,)[ \\t]*ot=([^,]*)')"
    more = rf"trimBoth(replaceRegexpAll({ot}, '(^|;)th:[^;]*', ''), '; ')"
    rest = r"trimBoth(replaceRegexpAll(trace_state, '(^|,)[ \\t]*ot=[^,]*', ''), ', ')"
    others = rf"extract({rest}, '^(?:[^,]*,){{0,30}}[^,]*')"
    return (
        f"if(length({more}) > {256 - len('th:;') - DIGITS}, trace_state, concat("
        f"'ot=th:', trimRight(lower(hex({packed_threshold})), '0'), "
        rf"replaceRegexpOne({more}, '^(.+)$', ';\\1'), replaceRegexpOne({others}, '^(.+)$', ',\\1')))"
    )


def weight_threshold(weight: str) -> str:
    """Return the SQL of the threshold, as 7 bytes, that lets through one of *weight*."""
    rejected = f"toUInt64(round(toFloat64({_ALL}) * (1 - 1 / {weight})))"
    return f"unhex(leftPad(lower(hex(least({rejected}, toUInt64({_ALL - 1})))), {DIGITS}, '0'))"


WEIGHT = (
    f"if(position(trace_state, 'th:') = 0, 1, {_ALL} / ({_ALL} - reinterpretAsUInt64(reverse("
    f"unhex(rightPad(extract(trace_state, '{_TH}'), {DIGITS}, '0'))))))"
)
"""How many spans a span stands for, by the threshold in its state: the default of the column ``weight``."""
