"""OTLP over gRPC: the three Export methods, as raw bytes, without generated stubs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from backbone.model.errors import BackboneError, DependencyError, LimitExceeded, StartError, UserInputError
from backbone.receive.commit import Lane, Receipt
from backbone.receive.door import Reception
from backbone.receive.intake import Hold
from backbone.receive.otlp import Signal, grpc_service, response

_RECEIVER = "otlp_grpc"
_CODES: Sequence[tuple[type[BackboneError], grpc.StatusCode]] = (
    (UserInputError, grpc.StatusCode.INVALID_ARGUMENT),
    (LimitExceeded, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (DependencyError, grpc.StatusCode.UNAVAILABLE),
)


@dataclass(frozen=True, slots=True)
class OtlpGrpcOptions:
    listen: str
    max_message_bytes: int = 16 << 20
    max_concurrent_calls: int = 64


class OtlpGrpc:
    """The gRPC server of the OTLP receivers."""

    def __init__(self, lanes: Mapping[Signal, Lane], reception: Reception, options: OtlpGrpcOptions) -> None:
        self._reception = reception
        self._options = options
        self._handlers = [
            grpc.method_handlers_generic_handler(grpc_service(signal), {"Export": self._handler(signal, lane)})
            for signal, lane in lanes.items()
        ]
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """
        Listen.

        Raises:
            StartError: the address is taken or is none.
        """
        options = self._options
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", options.max_message_bytes),
                ("grpc.so_reuseport", 0),
                ("grpc.max_connection_idle_ms", 300_000),
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ],
            maximum_concurrent_rpcs=options.max_concurrent_calls,
        )
        self._server.add_generic_rpc_handlers(self._handlers)
        try:
            self._server.add_insecure_port(options.listen)
        except RuntimeError as error:
            raise StartError(
                f"receivers.otlp_grpc.listen: cannot listen on {options.listen}; "
                "is it in use? choose another with --otlp-grpc HOST:PORT"
            ) from error
        await self._server.start()

    async def stop(self, grace_seconds: float) -> None:
        """Take no new calls; those under way have *grace_seconds* to end. Safe before start and twice."""
        if self._server is not None:
            await self._server.stop(grace_seconds)
            self._server = None

    def _handler(self, signal: Signal, lane: Lane) -> grpc.RpcMethodHandler[bytes, bytes]:
        metrics = self._reception.metrics

        async def export(body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            started = time.monotonic()
            code = "OK"
            try:
                receipt = await self._take(body, context, signal, lane)
                return response(signal, receipt).SerializeToString()
            except BackboneError as error:
                status, trailers = grpc_status(error)
                code = status.name
                metrics.refused_requests.labels(_RECEIVER, signal, type(error).__name__).inc()
                await context.abort(status, str(error), trailers)
                raise
            finally:
                metrics.requests.labels(_RECEIVER, signal, code).inc()
                metrics.request_seconds.labels(signal).observe(time.monotonic() - started)

        return grpc.unary_unary_rpc_method_handler(export)

    async def _take(
        self, body: bytes, context: grpc.aio.ServicerContext[bytes, bytes], signal: Signal, lane: Lane
    ) -> Receipt:
        reception = self._reception
        header = reception.tenants.header.lower()
        named = next((value for key, value in context.invocation_metadata() or () if key == header), None)
        tenant = reception.tenants.parse(named)
        with Hold(reception.intake) as hold:
            hold.grow(len(body))
            reception.metrics.received_bytes.labels(_RECEIVER, signal).inc(len(body))
            return await lane.commit(body, tenant)


def grpc_status(error: BackboneError) -> tuple[grpc.StatusCode, tuple[tuple[str, bytes], ...]]:
    """Return the status for an error, and as trailers when to come back, if that helps."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
    retry_after = getattr(error, "retry_after_seconds", None)
    if not retry_after:
        return code, ()
    delay = duration_pb2.Duration()
    delay.FromNanoseconds(int(retry_after * 1e9))
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=code.value[0], message=str(error), details=[detail])
    return code, (("grpc-status-details-bin", status.SerializeToString()),)
