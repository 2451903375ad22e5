"""Texts through the scrubbing of requests, each as the body of a log record."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs

from backbone.process.redact import Redaction
from backbone.receive.scrub.requests import RequestScrubber
from backbone.store.engine import Engine


async def scrubbed_texts(engine: Engine, redaction: Redaction, texts: Sequence[str], tenant: str = "t") -> list[str]:
    """Return each text as it would be stored; one that is left out is empty."""
    if redaction.requests is None:
        return list(texts)
    records = [LogRecord(body=AnyValue(string_value=text)) for text in texts]
    request = LogsData(resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])])
    scrubber = RequestScrubber(engine, redaction.requests)
    [body] = await scrubber.scrub("logs", [(request.SerializeToString(), tenant)])
    if not isinstance(body, bytes):
        raise body
    [resource] = LogsData.FromString(body).resource_logs
    return [record.body.string_value for record in resource.scope_logs[0].log_records]
