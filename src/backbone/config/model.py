"""
The sections of ``backbone.yaml``.

The text below a field is its page in the reference. The defaults alone make a working server on this machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from backbone.config.units import Address, ByteSize, Duration

_Ordered = TypeVar("_Ordered", Duration, ByteSize)


def _between(low: _Ordered, high: _Ordered) -> AfterValidator:
    def check(value: _Ordered) -> _Ordered:
        if not low <= value <= high:
            raise ValueError(f"expected {low} to {high}, got {value}")
        return value

    return AfterValidator(check)


def _time(low: str, high: str) -> AfterValidator:
    return _between(Duration.parse(low), Duration.parse(high))


def _size(low: str, high: str) -> AfterValidator:
    return _between(ByteSize.parse(low), ByteSize.parse(high))


def _d(text: str) -> Duration:
    return Duration.parse(text)


def _b(text: str) -> ByteSize:
    return ByteSize.parse(text)


class Section(BaseModel):
    """A section of the file; keys it does not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class HttpConfig(Section):
    """The main HTTP port: APIs, remote write, OTLP/HTTP."""

    listen: Address = Address("127.0.0.1", 7070)
    """Where to listen."""
    allow_public: bool = False
    """Allow any section to listen on an address that is not loopback. Nobody is asked who they are yet."""
    max_body: Annotated[ByteSize, _size("1KiB", "1GiB")] = _b("64MiB")
    """The largest request body, as it is sent."""
    max_decompressed: Annotated[ByteSize, _size("1KiB", "2GiB")] = _b("128MiB")
    """The largest request body, unpacked."""
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 1024
    """Connections and requests served at a time; more are answered 503."""
    idle_timeout: Annotated[Duration, _time("1s", "1h")] = _d("75s")
    """How long a connection may stay open without a request."""
    body_timeout: Annotated[Duration, _time("100ms", "1h")] = _d("30s")
    """How long a sender may take to deliver a body; then it is cut off."""


class OtlpGrpcConfig(Section):
    """OTLP over gRPC."""

    enabled: bool = True
    """Whether to listen."""
    listen: Address = Address("127.0.0.1", 4317)
    """Where to listen."""
    max_message: Annotated[ByteSize, _size("1KiB", "512MiB")] = _b("16MiB")
    """The largest message, unpacked."""
    max_concurrent_calls: Annotated[int, Field(ge=1, le=10_000)] = 128
    """Calls served at a time; more are answered RESOURCE_EXHAUSTED."""


class OtlpHttpConfig(Section):
    """OTLP over HTTP on a port of its own; the main port takes it as well."""

    enabled: bool = True
    """Whether to listen."""
    listen: Address = Address("127.0.0.1", 4318)
    """Where to listen."""


class RemoteWriteConfig(Section):
    """Prometheus remote write at ``/api/v1/write`` on the main port."""

    enabled: bool = True
    """Whether to answer there."""


class ReceiversConfig(Section):
    """The doors through which telemetry comes in."""

    otlp_grpc: OtlpGrpcConfig = OtlpGrpcConfig()
    otlp_http: OtlpHttpConfig = OtlpHttpConfig()
    remote_write: RemoteWriteConfig = RemoteWriteConfig()


class CommitConfig(Section):
    """How requests are grouped before they are written."""

    max_waiting: Annotated[ByteSize, _size("1MiB", "64GiB")] = _b("256MiB")
    """Bytes of requests that may wait for an answer; past it senders are asked to come back."""
    max_group: Annotated[ByteSize, _size("64KiB", "1GiB")] = _b("32MiB")
    """Bytes written at once. Larger groups take less work per item and more memory."""
    max_group_requests: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """Requests written at once."""
    linger: Annotated[Duration, _time("0s", "10s")] = _d("50ms")
    """How long the first request of a group waits for others, at least."""
    rest_ratio: Annotated[float, Field(ge=0, le=100)] = 1.0
    """How long to gather after a group, in multiples of the time it took, unless half a full group waits."""
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    """How often a group is tried again when the store is not able."""
    retry_after: Annotated[Duration, _time("1s", "1h")] = _d("1s")
    """When senders are asked to come back."""


class RetentionConfig(Section):
    """How long telemetry is kept, by signal."""

    metrics: Annotated[Duration, _time("1h", "100y")] = _d("30d")
    """Series, samples, histograms and exemplars."""
    logs: Annotated[Duration, _time("1h", "100y")] = _d("14d")
    """Log records."""
    traces: Annotated[Duration, _time("1h", "100y")] = _d("7d")
    """Spans."""
    rollups: Annotated[Duration, _time("1h", "100y")] = _d("90d")
    """Rates, errors and durations by minute, service edges, counts of what came in."""


class EngineConfig(Section):
    """How much of the machine the engine may use."""

    max_memory: Annotated[ByteSize, _size("256MiB", "4TiB")] = _b("1GiB")
    """Memory of all its statements and caches together."""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """Threads of one query; 0 takes all cores."""
    connections: Annotated[int, Field(ge=5, le=256)] = 8
    """Statements that run at a time, those that store included."""


class QueryConfig(Section):
    """Bounds of one query; over them it is answered 422."""

    timeout: Annotated[Duration, _time("100ms", "1h")] = _d("30s")
    """How long it may take."""
    max_memory: Annotated[ByteSize, _size("16MiB", "4TiB")] = _b("512MiB")
    """How much memory it may take."""
    max_rows_read: Annotated[int, Field(ge=0)] = 1_000_000_000
    """How many rows it may read; 0 is no bound."""
    max_result_rows: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """How many rows its result may have."""
    concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    """How many a tenant may run at a time; more are answered 429."""


class StoreConfig(Section):
    """Where telemetry is kept, how long, and how much it may cost to ask."""

    data_dir: Path = Path("backbone-data")
    """The directory of all data, made if it is not there; one process may use it."""
    retention: RetentionConfig = RetentionConfig()
    engine: EngineConfig = EngineConfig()
    query: QueryConfig = QueryConfig()


class TenantsConfig(Section):
    """Whose telemetry a request brings or asks for."""

    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "X-Scope-OrgID"
    """The header, or gRPC metadata key, that names the tenant."""
    default: Annotated[str, Field(pattern=r"^[A-Za-z0-9!_.*'()-]{1,150}$")] = "anonymous"
    """The tenant of a request that names none."""


class TelemetryConfig(Section):
    """What Backbone says of itself."""

    log_format: Literal["auto", "json", "pretty"] = "auto"
    """``auto`` is pretty on a terminal, JSON otherwise."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severity that is logged."""


class Config(Section):
    """Everything a user may set."""

    http: HttpConfig = HttpConfig()
    receivers: ReceiversConfig = ReceiversConfig()
    commit: CommitConfig = CommitConfig()
    store: StoreConfig = StoreConfig()
    tenants: TenantsConfig = TenantsConfig()
    telemetry: TelemetryConfig = TelemetryConfig()

    @model_validator(mode="after")
    def _loopback_unless_allowed(self) -> Self:
        listens = {
            "http.listen": self.http.listen,
            "receivers.otlp_grpc.listen": self.receivers.otlp_grpc.listen,
            "receivers.otlp_http.listen": self.receivers.otlp_http.listen,
        }
        for option, address in listens.items():
            if not address.is_loopback and not self.http.allow_public:
                raise ValueError(
                    f"'{option}' is {address}, which others can reach, and nobody is asked who they are; "
                    "expected a loopback address, or 'http.allow_public: true'"
                )
        return self
