"""Our own metrics, all in one place: ``backbone_<stage>_<noun>_<unit>``, base units, bounded labels."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_OF_FINDING = ("signal", "policy", "rule", "outcome")


@dataclass(frozen=True, slots=True)
class Metrics:
    """The instruments of one server; a test has its own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    received_bytes: Counter = field(init=False)
    items: Counter = field(init=False)
    refused_requests: Counter = field(init=False)
    refused_items: Counter = field(init=False)
    policy_items: Counter = field(init=False)
    request_seconds: Histogram = field(init=False)
    commit_seconds: Histogram = field(init=False)
    commit_requests: Histogram = field(init=False)
    commit_retries: Counter = field(init=False)
    commit_repeated: Counter = field(init=False)
    waiting_bytes: Gauge = field(init=False)
    ingest_lag_seconds: Histogram = field(init=False)
    engine: Gauge = field(init=False)
    table_rows: Gauge = field(init=False)
    table_bytes: Gauge = field(init=False)
    table_parts: Gauge = field(init=False)

    def __post_init__(self) -> None:
        ProcessCollector(registry=self.registry)
        for name, instrument in _instruments(self.registry).items():
            object.__setattr__(self, name, instrument)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def _instruments(registry: CollectorRegistry) -> dict[str, Counter | Gauge | Histogram]:
    def counter(name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=registry)

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=registry)

    def histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
        return Histogram(name, text, labels, registry=registry, buckets=buckets)

    return {
        "requests": counter(
            "backbone_receive_requests_total", "Requests by their answer.", "receiver", "signal", "code"
        ),
        "received_bytes": counter("backbone_receive_bytes_total", "Bytes of requests, unpacked.", "receiver", "signal"),
        "items": counter("backbone_receive_items_total", "Spans, log records or points stored.", "signal"),
        "refused_requests": counter(
            "backbone_receive_refused_requests_total", "Requests refused, by reason.", "receiver", "signal", "reason"
        ),
        "refused_items": counter(
            "backbone_receive_refused_items_total", "Items left out, by reason.", "signal", "reason"
        ),
        "policy_items": counter(
            "backbone_policy_items_total",
            "Items in which a rule of policy found something, or that it left out.",
            *_OF_FINDING,
        ),
        "request_seconds": histogram("backbone_receive_request_seconds", "Time until a request is answered.", "signal"),
        "commit_seconds": histogram("backbone_commit_seconds", "Time to make a group of requests durable.", "lane"),
        "commit_requests": histogram(
            "backbone_commit_group_requests",
            "Requests in a group.",
            "lane",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
        ),
        "commit_retries": counter("backbone_commit_retries_total", "Groups tried again.", "lane"),
        "commit_repeated": counter(
            "backbone_commit_repeated_requests_total",
            "Requests sent again that a crash had left stored but unanswered.",
            "lane",
        ),
        "waiting_bytes": gauge("backbone_commit_waiting_bytes", "Bytes of requests not yet answered."),
        "ingest_lag_seconds": histogram(
            "backbone_commit_ingest_lag_seconds", "From the receipt of a request until queries see it.", "lane"
        ),
        "engine": gauge("backbone_store_engine", "What the engine says of itself.", "quantity"),
        "table_rows": gauge("backbone_store_table_rows", "Rows of a table.", "table"),
        "table_bytes": gauge("backbone_store_table_bytes", "Bytes of a table on disk.", "table"),
        "table_parts": gauge("backbone_store_table_parts", "Parts of a table.", "table"),
    }
