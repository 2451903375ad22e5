"""
The sections of ``backbone.yaml``.

The text below a field is its page in the reference. The defaults alone make a working server on this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from backbone.config.secret import Secret
from backbone.config.section import Clash, ClashesError, Section, Within
from backbone.config.units import Address, ByteSize, Duration, OptionError, tenant_name


def _d(text: str) -> Duration:
    return Duration.parse(text)


def _b(text: str) -> ByteSize:
    return ByteSize.parse(text)


def _header(name: str) -> str:
    if not re.fullmatch("[A-Za-z0-9-]{1,64}", name):
        raise OptionError("a header of at most 64 letters, digits and -", name)
    return name


def _attributes(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch("[a-zA-Z][a-zA-Z0-9_.:/-]{0,99}", name):
            raise OptionError("an attribute's name of at most 100 letters, digits, _, ., :, / and -", name)
    return names


def _peer_name(name: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_.-]{1,64}", name):
        raise OptionError("a name of at most 64 letters, digits, _, . and -", name)
    return name


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise OptionError("a URL like http://127.0.0.1:9090, without a password", text)
    return text


def _directory(value: Any) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise OptionError("the path of a directory", value)
    return Path(value)


def _file(value: Any) -> Path | None:
    if value is None:
        return None
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise OptionError("the path of a file", value)
    return Path(value)


class HttpConfig(Section):
    """The main HTTP port: APIs, remote write, OTLP/HTTP."""

    listen: Address = Address("127.0.0.1", 7070)
    """Where to listen."""
    allow_public: bool = False
    """Allow any section to listen on an address that is not loopback. Nobody is asked who they are yet."""
    max_body: Annotated[ByteSize, Within("1KiB", "1GiB")] = _b("64MiB")
    """The largest request body, as it is sent."""
    max_decompressed: Annotated[ByteSize, Within("1KiB", "2GiB")] = _b("128MiB")
    """The largest request body, unpacked."""
    max_connections: Annotated[int, Within(1, 100_000)] = 1024
    """Connections and requests served at a time; more are answered 503."""
    idle_timeout: Annotated[Duration, Within("1s", "1h")] = _d("75s")
    """How long a connection may stay open without a request."""
    body_timeout: Annotated[Duration, Within("100ms", "1h")] = _d("30s")
    """How long a sender may take to deliver a body; then it is cut off."""


class OtlpGrpcConfig(Section):
    """OTLP over gRPC."""

    enabled: bool = True
    """Whether to listen."""
    listen: Address = Address("127.0.0.1", 4317)
    """Where to listen."""
    max_message: Annotated[ByteSize, Within("1KiB", "512MiB")] = _b("16MiB")
    """The largest message, unpacked."""
    max_concurrent_calls: Annotated[int, Within(1, 10_000)] = 128
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

    max_waiting: Annotated[ByteSize, Within("1MiB", "64GiB")] = _b("256MiB")
    """Bytes of requests that may wait for an answer; past it senders are asked to come back."""
    max_group: Annotated[ByteSize, Within("64KiB", "1GiB")] = _b("48MiB")
    """Bytes written at once. Larger groups take less work per item and more memory."""
    max_group_requests: Annotated[int, Within(1, 100_000)] = 2000
    """Requests written at once."""
    linger: Annotated[Duration, Within("0s", "10s")] = _d("50ms")
    """How long the first request of a group waits for others, at least."""
    rest_ratio: Annotated[float, Within(0, 100)] = 0.5
    """How long to gather after a group, in multiples of the time it took, unless half a full group waits."""
    retries: Annotated[int, Within(0, 20)] = 3
    """How often a group is tried again when the store is not able."""
    retry_after: Annotated[Duration, Within("1s", "1h")] = _d("1s")
    """When senders are asked to come back."""


class RetentionConfig(Section):
    """How long telemetry is kept, by signal."""

    metrics: Annotated[Duration, Within("1h", "100y")] = _d("30d")
    """Series, samples, histograms and exemplars."""
    logs: Annotated[Duration, Within("1h", "100y")] = _d("14d")
    """Log records."""
    traces: Annotated[Duration, Within("1h", "100y")] = _d("7d")
    """Spans."""
    rollups: Annotated[Duration, Within("1h", "100y")] = _d("90d")
    """Rates, errors and durations by minute, service edges, counts of what came in."""


class EngineConfig(Section):
    """How much of the machine the engine may use."""

    max_memory: Annotated[ByteSize, Within("256MiB", "4TiB")] = _b("1GiB")
    """Memory of all its statements and caches together."""
    threads: Annotated[int, Within(0, 1024)] = 0
    """Threads of one query; 0 takes all cores."""
    connections: Annotated[int, Within(5, 256)] = 8
    """Statements that run at a time, those that store included."""


class QueryConfig(Section):
    """Bounds of one query; over them it is answered 422."""

    timeout: Annotated[Duration, Within("100ms", "1h")] = _d("30s")
    """How long it may take."""
    max_memory: Annotated[ByteSize, Within("16MiB", "4TiB")] = _b("512MiB")
    """How much memory it may take."""
    max_rows_read: Annotated[int, Within(0, 1_000_000_000_000_000)] = 1_000_000_000
    """How many rows it may read; 0 is no bound."""
    max_result_rows: Annotated[int, Within(1, 10_000_000)] = 100_000
    """How many rows its result may have."""
    concurrency: Annotated[int, Within(1, 256)] = 4
    """How many a tenant may run at a time."""
    waiting: Annotated[int, Within(0, 10_000)] = 32
    """How many more of a tenant's may wait for their turn; past that they are answered 429."""


Feature = Literal[
    "promql-experimental-functions",
    "promql-duration-expr",
    "promql-extended-range-selectors",
    "promql-binop-fill-modifiers",
    "type-and-unit-labels",
    "use-start-timestamps",
]
"""What Prometheus calls so."""


class PromQLConfig(Section):
    """How PromQL is evaluated, and the bounds of one query; over them it is answered 422 or 503."""

    lookback: Annotated[Duration, Within("1s", "1d")] = _d("5m")
    """How old a series' newest sample may be to count."""
    evaluation_interval: Annotated[Duration, Within("1ms", "1d")] = _d("1m")
    """The step of subqueries that name none."""
    timeout: Annotated[Duration, Within("100ms", "1h")] = _d("2m")
    """How long a query may take."""
    max_samples: Annotated[int, Within(1000, 10_000_000_000)] = 50_000_000
    """How many samples, or points of an intermediate result, a query may hold."""
    max_series: Annotated[int, Within(1, 100_000_000)] = 1_000_000
    """How many series a selector may name."""
    cached_samples: Annotated[ByteSize, Within("0B", "1TiB")] = _b("256MiB")
    """Memory for samples that were read; dashboards that look at the same series read them once."""
    features: Annotated[tuple[Feature, ...], Field(strict=False)] = ()
    """
    Parts of the language that are not settled, by the names of Prometheus' ``--enable-feature``, and the labels
    ``__type__`` and ``__unit__``.
    """


class LogQLConfig(Section):
    """Bounds of a query of logs; time and memory are those of ``store.query``."""

    max_lines: Annotated[int, Within(1, 1_000_000)] = 5_000
    """How many lines an answer may have."""
    max_series: Annotated[int, Within(1, 1_000_000)] = 5_000
    """How many series a query of numbers may make."""


class PeerConfig(Section):
    """A server that queries ask as well: another Backbone, or anything with Prometheus' remote read or query API."""

    name: Annotated[str, AfterValidator(_peer_name)]
    """What it is called in warnings; each its own."""
    url: Annotated[str, AfterValidator(_url)]
    """Where its API begins: what stands before ``/api/v1``."""
    read: Literal["remote_read", "query"] = "remote_read"
    """How raw samples are read: by remote read, or by the query API, which has no native histograms."""
    push_down: bool = True
    """Whether it may evaluate aggregations itself, where its external labels tell its series from all others."""
    external_labels: dict[str, str] = Field(default_factory=dict)
    """What its series are told apart by; stands over labels of the same names."""
    headers: dict[str, Secret] = Field(default_factory=dict)
    """Sent with every request, such as ``Authorization``."""
    timeout: Annotated[Duration, Within("100ms", "10m")] = _d("30s")
    """How long it may take to answer; then it is left out, with a warning."""


class FederationConfig(Section):
    """Queries that other servers answer too, as one big server would."""

    peers: Annotated[tuple[PeerConfig, ...], Field(strict=False)] = ()
    """The servers that are asked as well."""
    external_labels: dict[str, str] = Field(default_factory=dict)
    """What this server's own series are told apart by, where there are peers."""
    replica_labels: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """External labels that tell replicas apart: they are left out, and of replicas' samples those of one stand."""

    @model_validator(mode="after")
    def _peers_differ(self) -> Self:
        names = [peer.name for peer in self.peers]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise OptionError("peers with names of their own", ", ".join(sorted(twice)))
        return self


class ColumnsConfig(Section):
    """
    Attributes of log records that have a column of their own beside the map of all, which makes questions about them
    fast and costs under 2 % of the CPU time of ingest each.
    """

    logs: Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_attributes)] = ()
    """Attributes that have one always, such as ``http.route``."""
    learned: Annotated[int, Within(0, 16)] = 2
    """How many more may be made for what is asked for again and again; one that nobody asks for all day makes room."""


class StoreConfig(Section):
    """Where telemetry is kept, how long, and how much it may cost to ask."""

    data_dir: Annotated[Path, PlainValidator(_directory, json_schema_input_type=str)] = Path("backbone-data")
    """The directory of all data, made if it is not there; one process may use it."""
    retention: RetentionConfig = RetentionConfig()
    engine: EngineConfig = EngineConfig()
    query: QueryConfig = QueryConfig()
    columns: ColumnsConfig = ColumnsConfig()


class PolicyFileConfig(Section):
    """How telemetry is governed before it is stored: tagging, redaction, limits, sampling."""

    file: Annotated[Path | None, PlainValidator(_file, json_schema_input_type=str | None)] = None
    """The policy's file, beside this one; without one, personal data is masked and everything is kept."""


class TenantsConfig(Section):
    """Whose telemetry a request brings or asks for."""

    header: Annotated[str, AfterValidator(_header)] = "X-Scope-OrgID"
    """The header, or gRPC metadata key, that names the tenant."""
    default: Annotated[str, AfterValidator(tenant_name)] = "anonymous"
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
    policy: PolicyFileConfig = PolicyFileConfig()
    store: StoreConfig = StoreConfig()
    promql: PromQLConfig = PromQLConfig()
    logql: LogQLConfig = LogQLConfig()
    federation: FederationConfig = FederationConfig()
    tenants: TenantsConfig = TenantsConfig()
    telemetry: TelemetryConfig = TelemetryConfig()

    @model_validator(mode="after")
    def _options_fit_together(self) -> Self:
        if clashes := [*_public(self), *_too_large_to_wait(self), *_too_much_of_the_engine(self)]:
            raise ClashesError(clashes)
        return self


def _public(config: Config) -> Iterator[Clash]:
    for option, address in listeners(config).items():
        if not address.is_loopback and not config.http.allow_public:
            what = (
                f"expected a loopback address, or 'http.allow_public: true', got '{address}', "
                "which others can reach, and nobody is asked who they are"
            )
            yield Clash(option, "http.allow_public", what)


def listeners(config: Config) -> dict[str, Address]:
    """Return the addresses that are listened on, by the option that says so."""
    doors = config.receivers
    listens = {"http.listen": config.http.listen}
    if doors.otlp_grpc.enabled:
        listens["receivers.otlp_grpc.listen"] = doors.otlp_grpc.listen
    if doors.otlp_http.enabled:
        listens["receivers.otlp_http.listen"] = doors.otlp_http.listen
    return listens


def _too_large_to_wait(config: Config) -> Iterator[Clash]:
    waiting = "commit.max_waiting"
    sizes = {
        "http.max_body": config.http.max_body,
        "http.max_decompressed": config.http.max_decompressed,
        "receivers.otlp_grpc.max_message": config.receivers.otlp_grpc.max_message,
        "commit.max_group": config.commit.max_group,
    }
    for option, size in sizes.items():
        if size > config.commit.max_waiting:
            yield Clash(option, waiting, f"expected at most '{waiting}' ({config.commit.max_waiting}), got '{size}'")


def _too_much_of_the_engine(config: Config) -> Iterator[Clash]:
    engine, query = config.store.engine, config.store.query
    if query.max_memory > engine.max_memory:
        what = f"expected at most 'store.engine.max_memory' ({engine.max_memory}), got '{query.max_memory}'"
        yield Clash("store.query.max_memory", "store.engine.max_memory", what)
