"""What messages of a wire hold that has to be looked at, as a table for `backbone.receive.kernels.look`."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from backbone.receive.kernels import look
from backbone.store.wire import WireName, wire

_VALUES = re.compile(r"(Value|Pair|Array|Pairs)\d")
_LIST, _PAIRS = 4, 5
_FIRST_OWN = 6
"""The number of the first message that only one wire has; what values and labels are made of comes before."""
_KEPT = {("Metric", "name"), ("MetricMetadata", "metric_family_name")}
"""Metrics' names are looked for as they are."""


@cache
def shapes(name: WireName) -> NDArray[np.uint8]:
    """Return what messages of a wire hold, (message, `look.FIELDS`): its texts, its attributes, what these are in."""
    shape = wire(name)
    own = [
        message for message in shape.messages if message not in {"Request", "Label"} and not _VALUES.fullmatch(message)
    ]
    numbers = {"Request": look.REQUEST} | {message: number for number, message in enumerate(own, _FIRST_OWN)}
    found = np.zeros((_FIRST_OWN + len(own), look.FIELDS), np.uint8)
    # Values are recursive on the wire, whatever depth the engine's shape has.
    found[look.ANY_VALUE_MESSAGE, 5:7] = look.FIRST_MESSAGE + _LIST, look.FIRST_MESSAGE + _PAIRS
    found[look.PAIR_MESSAGE, 1:3] = look.KEY, look.ANY_VALUE
    found[look.LABEL_MESSAGE, 1:3] = look.KEY, look.STRING
    found[_LIST, 1], found[_PAIRS, 1] = look.ANY_VALUE, look.KEY_VALUE
    for message, number in numbers.items():
        for field in shape.fields(message):
            if field.number == look.RULES_FIELD:
                found[number, 0] = look.HAS_RULES
            elif field.number < look.FIELDS and (message, field.name) not in _KEPT:
                found[number, field.number] = _held(field.kind, numbers)
    return found


def _held(kind: str, numbers: dict[str, int]) -> int:
    if kind.startswith("Value"):
        return look.ANY_VALUE
    if kind.startswith("Pair"):
        return look.KEY_VALUE
    if kind == "Label":
        return look.LABEL
    if kind in numbers:
        return look.FIRST_MESSAGE + numbers[kind]
    return look.STRING if kind == "string" else look.SKIP
