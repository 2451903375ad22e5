"""Requests of log records as rows of ``wire_logs``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from backbone.receive.form import Request
from backbone.receive.kernels.anyvalue import KINDS
from backbone.receive.rows.block import Block, sized_column, values_column
from backbone.receive.rows.items import Fault, Items, known, late, missized, put_said, received_ns, scattered

PATH = "resource_logs.scope_logs.log_records"
_HIGHEST_SEVERITY = 24


def faults(items: Items) -> Iterator[Fault]:
    """Yield what no log record may have."""
    records, requests = items.rows, items.request_of
    yield missized(records, "trace_id", "log_record.trace_id", requests, 16, optional=True)
    yield missized(records, "span_id", "log_record.span_id", requests, 8, optional=True)
    yield late(records, "time_unix_nano", "log_record.time_unix_nano", requests)
    yield from scattered(records.number("time_unix_nano"), requests)
    yield late(records, "observed_time_unix_nano", "log_record.observed_time_unix_nano", requests)
    yield from items.faults()


def put_logs(block: Block, items: Items, requests: Sequence[Request]) -> None:
    """Put all columns of log records."""
    put_said(block, items, requests)
    records, texts = items.rows, items.texts
    happened, observed = records.number("time_unix_nano"), records.number("observed_time_unix_nano")
    received = received_ns(items, requests)
    # A record without a time of its own happened when it was observed, or at the latest when it came in.
    block.numbers("time", np.where(happened > 0, happened, np.where(observed > 0, observed, received)))
    block.numbers("observed", observed)
    block.numbers("severity", known(records.number("severity_number"), _HIGHEST_SEVERITY))
    block.put("severity_text", *texts.column(texts.ids(records, "severity_text")))
    kinds = np.array([texts.id(kind.encode()) for kind in KINDS], np.int32)
    block.put("body", values_column(records, "body"))
    block.put("body_kind", *texts.column(kinds[records.number("body")]))
    block.put("event_name", *texts.column(texts.ids(records, "event_name")))
    block.put("trace_id", sized_column(records, "trace_id", 16))
    block.put("span_id", sized_column(records, "span_id", 8))
    block.numbers("flags", records.number("flags").astype(np.uint32))
