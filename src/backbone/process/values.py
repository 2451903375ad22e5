"""
OpenTelemetry's AnyValue as SQL expressions.

A value is stored as text a person can search: strings as they are, numbers and booleans in their usual form, bytes as
base64, arrays and key-value lists as JSON. What JSON cannot say stands in OTLP/JSON's tagged form
(``{"bytesValue": "aGk="}``, ``{"doubleValue": "nan"}``). So it is where metrics have them; those of spans and log
records are written by `backbone.receive.kernels.anyvalue`, the same.

What lies deeper than the wire's shape goes arrives as message bytes and becomes ``{"arrayProto": "…"}`` or
``{"kvlistProto": "…"}`` in base64, which `backbone.query.values` unfolds when it reads.
"""

from __future__ import annotations

import re

from backbone.store.wire.columns import LATEST_NS

_DEEPEST = 2
_STRING, _BOOL, _INT, _DOUBLE, _ARRAY, _KVLIST, _BYTES = range(1, 8)
_PATH_OR_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|`[^`]*`|\b[a-z]\w*(?:\.[a-z]\w*)+")


def plain_elements(sql: str, table: str = "") -> str:
    """
    Return *sql* with ``tupleElement(a, 'b')`` in place of each ``a.b``, unless ``a`` is what *table* is called.

    To find out what a dotted name is, the planner makes a list of all that is nested in ``a``, each time anew: with the
    wire's types that is a quarter of what it takes to plan an insert.
    """

    def spelled(found: re.Match[str]) -> str:
        if found[0][0] in "'`":
            return found[0]
        element, *names = found[0].split(".")
        if element == table:
            element = f"{table}.{names.pop(0)}"
        for name in names:
            element = f"tupleElement({element}, '{name}')"
        return element

    return _PATH_OR_QUOTED.sub(spelled, sql)


def text(value: str, depth: int) -> str:
    """Return the text of one value of the wire's type ``Value{depth}``."""
    scalar = _scalar(*(f"{value}.{n}" for n in ("value", "string_value", "int_value", "double_value", "bool_value")))
    return (
        f"multiIf({value}.value = {_BYTES}, base64Encode({value}.bytes_value), "
        f"{value}.value < {_ARRAY}, {scalar}, {_nested(value, depth)})"
    )


def string_of(attributes: str, key: str) -> str:
    """Return the text of the string attribute *key*, empty where there is none."""
    return f"{attributes}.value.string_value[indexOf({attributes}.key, '{key}')]"


def _scalar(kind: str, string: str, integer: str, double: str, boolean: str) -> str:
    return (
        f"multiIf({kind} = {_STRING}, {string}, {kind} = {_INT}, toString({integer}), "
        f"{kind} = {_DOUBLE}, toString({double}), {kind} = {_BOOL}, if({boolean}, 'true', 'false'), '')"
    )


def _nested(value: str, depth: int) -> str:
    """Return the text of an array or a list of pairs; of their two fields the one that is not set is empty."""
    is_array = f"{value}.value = {_ARRAY}"
    if depth == _DEEPEST:
        proto = f"base64Encode(concat({value}.array_value, {value}.kvlist_value))"
        return f'concat(if({is_array}, \'{{"arrayProto":"\', \'{{"kvlistProto":"\'), {proto}, \'"}}\')'
    item, name = f"a{depth}", f"n{depth}"
    array, pairs = f"{value}.array_value.values", f"{value}.kvlist_value.values"
    # Both in one, since planning the text of a value takes long.
    names = f"arrayConcat(arrayMap(x -> '', {array}.value), arrayMap(k -> concat(toJSONString(k), ':'), {pairs}.key))"
    texts = (
        f"arrayMap(({item}, {name}) -> concat({name}, {_json(item, depth + 1)}), "
        f"arrayConcat({array}, {pairs}.value), {names})"
    )
    return f"concat(if({is_array}, '[', '{{'), arrayStringConcat({texts}, ','), if({is_array}, ']', '}}'))"


def _json(value: str, depth: int) -> str:
    double = f"{value}.double_value"
    # A double keeps its point, so that 1.0 does not come back as an integer.
    finite = f"replaceRegexpOne(toString({double}), '^(-?[0-9]+)$', '\\\\1.0')"
    return (
        f"multiIf({value}.value = {_STRING}, toJSONString({value}.string_value), "
        f"{value}.value = {_INT}, toString({value}.int_value), "
        f"{value}.value = {_DOUBLE}, if(isFinite({double}), {finite}, "
        f"concat('{{\"doubleValue\":\"', toString({double}), '\"}}')), "
        f"{value}.value = {_BOOL}, if({value}.bool_value, 'true', 'false'), "
        f"{value}.value = {_BYTES}, concat('{{\"bytesValue\":\"', base64Encode({value}.bytes_value), '\"}}'), "
        f"{value}.value = 0, 'null', {_nested(value, depth)})"
    )


def sized(value: str, size: int, name: str, *, optional: bool = False) -> str:
    """
    Return *value* as a ``FixedString``; a request with a value of another size is refused.

    An *optional* one may be empty, which is stored as zeros.
    """
    accepted = f"({size}, 0)" if optional else f"({size})"
    wording = f"{name}: expected {size} bytes"
    return f"toFixedString(if(throwIf(length({value}) NOT IN {accepted}, '{wording}') = 0, {value}, ''), {size})"


def timestamp(value: str, name: str) -> str:
    """Return nanoseconds since 1970 as the engine's time; a request with one past `LATEST_NS` is refused."""
    wording = f"{name}: expected nanoseconds up to the year 2100"
    return f"fromUnixTimestamp64Nano(toInt64(if(throwIf({value} > {LATEST_NS}, '{wording}') = 0, {value}, 0)), 'UTC')"
