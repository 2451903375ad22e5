"""Trees to compare: without places, and with matchers in one order, which printing sorts."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from backbone.query.promql.ast import Span, VectorSelector


def shape(node: Any) -> Any:
    if isinstance(node, tuple):
        return [shape(item) for item in node]
    if not is_dataclass(node) or isinstance(node, Span):
        return None if isinstance(node, Span) else repr(node)
    parts = {field.name: shape(getattr(node, field.name)) for field in fields(node)}
    if isinstance(node, VectorSelector):
        parts["matchers"] = sorted(parts["matchers"], key=str)
    return [type(node).__name__, parts]
