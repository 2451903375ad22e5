"""
OTLP's answers, over gRPC and HTTP alike.

Source: https://opentelemetry.io/docs/specs/otlp/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from backbone.receive.commit import Receipt

Signal = Literal["traces", "logs", "metrics"]
SIGNALS: tuple[Signal, ...] = ("traces", "logs", "metrics")


@dataclass(frozen=True, slots=True)
class _Service:
    grpc: str
    response: type[Message]
    rejected: str


_SERVICES: dict[Signal, _Service] = {
    "traces": _Service("trace.v1.TraceService", ExportTraceServiceResponse, "rejected_spans"),
    "logs": _Service("logs.v1.LogsService", ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": _Service("metrics.v1.MetricsService", ExportMetricsServiceResponse, "rejected_data_points"),
}


def grpc_service(signal: Signal) -> str:
    """Return the name of the signal's gRPC service, whose method is ``Export``."""
    return f"opentelemetry.proto.collector.{_SERVICES[signal].grpc}"


def response(signal: Signal, receipt: Receipt) -> Message:
    """Return the answer to an accepted request: a partial success where items were left out, and why."""
    service = _SERVICES[signal]
    message = service.response()
    if receipt.refused:
        partial = message.partial_success  # type: ignore[attr-defined]
        setattr(partial, service.rejected, sum(receipt.refused.values()))
        partial.error_message = ", ".join(f"{count} {reason}" for reason, count in sorted(receipt.refused.items()))
    return message
