"""Requests through a policy's scrubber."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, settings
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs

from backbone.model.errors import UserInputError
from backbone.process.redact import redaction
from backbone.receive.scrub.requests import RequestScrubber
from backbone.store.embedded import EmbeddedEngine
from backbone.store.wire import WireName
from tests.process.redact.scrubbing import KEY, config

MAIL, CLEAN = "to jane@example.com", "to <email>"
SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def scrubber(engine: EmbeddedEngine, **options: Any) -> RequestScrubber:
    found = redaction(config(**options), KEY, {"old.password": "kept", "old": "user.password"})
    assert found.requests is not None
    return RequestScrubber(engine, found.requests)


def scrubbed(engine: EmbeddedEngine, wire: WireName, *bodies: bytes, **options: Any) -> list[bytes | UserInputError]:
    return asyncio.run(scrubber(engine, **options).scrub(wire, [(body, "t") for body in bodies]))


def record(**fields: Any) -> LogRecord:
    return LogRecord(time_unix_nano=1, **fields)


def logs(*records: LogRecord, **fields: Any) -> bytes:
    scope = ScopeLogs(log_records=records)
    return LogsData(resource_logs=[ResourceLogs(scope_logs=[scope], **fields)]).SerializeToString()
