"""Answers in the shape of Loki's API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from starlette.responses import Response

from backbone.query.logql.lines import Line

CATEGORIZE = "categorize-labels"
"""The way of telling labels that clients may ask for: those of the stream, metadata and parsed ones apart."""


def success(data: Any) -> Response:
    return Response(orjson.dumps({"status": "success", "data": data}), media_type="application/json")


def streams(lines: Iterable[Line], *, categorized: bool) -> list[dict[str, Any]]:
    """Return lines by stream, each in the order given: a time as text, the line and, if categorized, its own labels."""
    found: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for line in lines:
        labels = _kept(line.stream, line) if categorized else line.labels
        stream = found.setdefault(tuple(labels.items()), {"stream": labels, "values": []})
        value: list[Any] = [str(line.time_ns), line.text]
        if categorized:
            value.append(_categories(line))
        stream["values"].append(value)
    return list(found.values())


def _kept(labels: dict[str, str], line: Line) -> dict[str, str]:
    return {name: value for name, value in labels.items() if line.labels.get(name) == value}


def _categories(line: Line) -> dict[str, dict[str, str]]:
    metadata = _kept(line.metadata, line)
    known = line.stream.keys() & _kept(line.stream, line).keys() | metadata.keys()
    parsed = {name: value for name, value in line.labels.items() if name not in known}
    return {
        **({"structuredMetadata": metadata} if metadata else {}),
        **({"parsed": parsed} if parsed else {}),
    }


def stats(seconds: float, entries: int) -> dict[str, Any]:
    """Return the statistics that clients look into; what is not measured is 0."""
    nothing = {
        "store": {"chunk": {}},
        "totalReached": 0,
        "totalChunksMatched": 0,
        "totalBatches": 0,
        "totalLinesSent": 0,
    }
    return {
        "summary": {
            "bytesProcessedPerSecond": 0,
            "linesProcessedPerSecond": 0,
            "totalBytesProcessed": 0,
            "totalLinesProcessed": 0,
            "execTime": seconds,
            "queueTime": 0,
            "subqueries": 0,
            "totalEntriesReturned": entries,
            "splits": 0,
            "shards": 0,
        },
        "querier": {"store": {"totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0, "chunk": {}}},
        "ingester": nothing,
        "cache": {},
        "index": {},
    }
