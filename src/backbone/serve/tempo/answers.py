"""Values in the shape of Tempo's API, which is protobuf's JSON."""

from __future__ import annotations

from typing import Any

from backbone.query.values import any_value, json_ready, plain


def key_value(name: str, kind: str, text: str) -> dict[str, Any]:
    """Return an attribute; *kind* is the type as OTLP names it, of which *text* is the stored form."""
    match kind:
        case "int_value":
            value: dict[str, Any] = {"intValue": text}
        case "double_value":
            value = {"doubleValue": json_ready(plain(any_value(text, kind)))}
        case "bool_value":
            value = {"boolValue": text == "true"}
        case _:
            value = {"stringValue": text}
    return {"key": name, "value": value}
