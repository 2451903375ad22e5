"""Requests of spans as rows of ``wire_traces``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from backbone.receive.form import Request
from backbone.receive.rows.block import Block, column, sized_column, text_column
from backbone.receive.rows.items import Fault, Items, known, late, missized, put_nested, put_said, scattered

PATH = "resource_spans.scope_spans.spans"
_KINDS, _STATUSES = 5, 2
"""The last number of each."""


def faults(items: Items) -> Iterator[Fault]:
    """Yield what no span may have."""
    spans, requests, links, events = items.rows, items.request_of, items.of("links"), items.of("events")
    of_links = requests[links.parents]
    yield missized(spans, "trace_id", "span.trace_id", requests, 16)
    yield missized(spans, "span_id", "span.span_id", requests, 8)
    yield missized(spans, "parent_span_id", "span.parent_span_id", requests, 8, optional=True)
    yield missized(links, "trace_id", "link.trace_id", of_links, 16)
    yield missized(links, "span_id", "link.span_id", of_links, 8)
    yield late(spans, "start_time_unix_nano", "span.start_time_unix_nano", requests)
    yield from scattered(spans.number("start_time_unix_nano"), requests)
    yield late(events, "time_unix_nano", "event.time_unix_nano", requests[events.parents])
    yield from items.faults()


def put_spans(block: Block, items: Items, requests: Sequence[Request]) -> None:
    """Put all columns of spans."""
    put_said(block, items, requests)
    spans, texts = items.rows, items.texts
    start, end = (spans.number(f"{which}_time_unix_nano").astype(np.uint64) for which in ("start", "end"))
    block.put("name", *texts.column(texts.ids(spans, "name")))
    block.numbers("time", start)
    block.numbers("duration_ns", np.maximum(end, start) - start)
    block.put("trace_id", sized_column(spans, "trace_id", 16))
    block.put("span_id", sized_column(spans, "span_id", 8))
    block.put("parent_span_id", sized_column(spans, "parent_span_id", 8))
    block.put("trace_state", text_column(spans, "trace_state"))
    block.numbers("flags", spans.number("flags").astype(np.uint32))
    block.numbers("kind", known(spans.number("kind"), _KINDS))
    block.numbers("status", known(spans.number("status.code"), _STATUSES))
    block.put("status_message", text_column(spans, "status.message"))
    block.numbers("dropped_events", spans.number("dropped_events_count").astype(np.uint32))
    block.numbers("dropped_links", spans.number("dropped_links_count").astype(np.uint32))
    events, links = items.nested("events"), items.nested("links")
    put_nested(block, items, events)
    block.put("events.time", events.ends, column(events.rows.number("time_unix_nano")))
    block.put("events.name", events.ends, *texts.column(texts.ids(events.rows, "name")))
    put_nested(block, items, links)
    block.put("links.trace_id", links.ends, sized_column(links.rows, "trace_id", 16))
    block.put("links.span_id", links.ends, sized_column(links.rows, "span_id", 8))
    block.put("links.trace_state", links.ends, text_column(links.rows, "trace_state"))
    block.put("links.flags", links.ends, column(links.rows.number("flags").astype(np.uint32)))
