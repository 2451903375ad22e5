"""Telemetry drawn with characters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_LEVELS = "▁▂▃▄▅▆▇█"
_PARTS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class SpanLine:
    """A span in its place: ``depth`` in the tree, and where it lies as shares of the whole trace."""

    depth: int
    service: str
    name: str
    duration_ns: int
    start_ratio: float
    length_ratio: float
    failed: bool


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Return the values as a line of blocks from the least to the greatest; what is no number leaves a gap."""
    shown = (
        [_mean(values[i * len(values) // width : (i + 1) * len(values) // width]) for i in range(width)]
        if (len(values) > width)
        else list(values)
    )
    finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return " " * len(shown)
    low, high = min(finite), max(finite)
    scale = (len(_LEVELS) - 1) / (high - low) if high > low else 0
    return "".join(_LEVELS[round((value - low) * scale)] if math.isfinite(value) else " " for value in shown)


def bar(start_ratio: float, length_ratio: float, width: int) -> str:
    """Return a bar of *width* characters, filled from ``start_ratio`` on; something is always seen."""
    before = min(int(start_ratio * width), width - 1)
    eighths = max(round(length_ratio * width * 8), 1)
    full, rest = divmod(min(eighths, (width - before) * 8), 8)
    return (" " * before + "█" * full + (_PARTS[rest] if rest else "")).ljust(width)


def waterfall(trace: dict[str, Any]) -> list[SpanLine]:
    """Return the lines of an OTLP/JSON trace: children below their parents, in order of time."""
    spans = sorted(_spans(trace), key=lambda pair: int(pair[1].get("startTimeUnixNano", 0)))
    starts = [int(span.get("startTimeUnixNano", 0)) for _, span in spans]
    first = min(starts, default=0)
    whole = max((int(span.get("endTimeUnixNano", 0)) for _, span in spans), default=0) - first or 1
    known = {span["spanId"] for _, span in spans}
    children: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for service, span in spans:
        parent = span.get("parentSpanId", "")
        # A span whose parent did not arrive stands at the top.
        children.setdefault(parent if parent in known and parent != span["spanId"] else "", []).append((service, span))
    lines = []
    pending = [(0, pair) for pair in reversed(children.pop("", []))]
    while pending:
        depth, (service, span) = pending.pop()
        start = int(span.get("startTimeUnixNano", 0))
        duration = int(span.get("endTimeUnixNano", 0)) - start
        failed = span.get("status", {}).get("code") == 2
        lines.append(
            SpanLine(depth, service, span.get("name", ""), duration, (start - first) / whole, duration / whole, failed)
        )
        pending += [(depth + 1, pair) for pair in reversed(children.pop(span["spanId"], []))]
    return lines


def _spans(trace: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for resource in trace["resourceSpans"]:
        attributes = resource.get("resource", {}).get("attributes", [])
        service = next((a["value"].get("stringValue", "") for a in attributes if a["key"] == "service.name"), "")
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield service, span


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan
