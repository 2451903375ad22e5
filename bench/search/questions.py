"""What is asked of logs and traces, as addresses of Backbone's API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.queries.client import Request

API = "/api/backbone/v1"
LOKI = "/loki/api/v1"


@dataclass(frozen=True, slots=True)
class Known:
    """What is in the data: a word of one line, a value of one attribute, ids of traces; and seconds since 1970."""

    word: str
    request_id: str
    traces: tuple[str, ...]
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Question:
    """``request(n)`` is what is asked the nth time; ``promised_ms`` is None where nothing is promised."""

    title: str
    request: Callable[[int], Request]
    promised_ms: int | None = None


def _same(path: str, **given: object) -> Callable[[int], Request]:
    request = Request(path, {name: str(value) for name, value in given.items()})
    return lambda _: request


def log_questions(known: Known) -> list[Question]:
    window = {"since": f"{known.start:.3f}", "until": f"{known.end:.3f}"}
    loki = {"start": f"{known.start:.3f}", "end": f"{known.end:.3f}"}
    every = '{service_name=~".+"}'
    one = '{service_name="service-3"}'
    return [
        Question("needle: a word of one line", _same(f"{API}/logs", text=known.word, **window), 50),
        Question("needle: LogQL `|= `, anywhere in a word",
                 _same(f"{LOKI}/query_range", query=f'{every} |= "{known.word[3:]}"', **loki), 300),
        Question("phrase", _same(f"{API}/logs", text='"suspects were probed through other"', **window), 300),
        Question("two words", _same(f"{API}/logs", text="deadline exceeded", **window), 300),
        Question("regular expression, first page",
                 _same(f"{LOKI}/query_range", query=f'{every} |~ "pending=8[0-9]+ .*epoch=1[0-9]{{2}}"', **loki), 300),
        Question("regular expression over everything, counted",
                 _same(f"{LOKI}/query", query=f'sum(count_over_time({every} |~ "token [0-9a-f]*fe00[0-9a-f]*" [1d]))',
                       time=loki["end"]), 2_000),
        Question("attribute = value of one line",
                 _same(f"{API}/logs", attribute=f"rpc.request_id={known.request_id}", **window), 300),
        Question("field filter: shard_id > 1990 of a service",
                 _same(f"{LOKI}/query_range", query=f"{one} | shard_id > 1990", **loki), 300),
        Question("top values of an attribute", _same(f"{API}/logs/top", field="rpc_procedure", **window)),
        Question("histogram by severity", _same(f"{API}/logs/histogram", **window)),
        Question("patterns of a service", _same(f"{API}/logs/patterns", text="service:service-3", **window)),
        Question("rate by service, a step each 2 s",
                 _same(f"{LOKI}/query_range", query=f"sum by (service_name) (rate({every}[1m]))", step="2", **loki)),
    ]  # fmt: skip


def span_questions(known: Known) -> list[Question]:
    window = {"since": f"{known.start:.3f}", "until": f"{known.end:.3f}"}
    tempo = {"start": int(known.start), "end": int(known.end) + 1}
    traces = known.traces
    return [
        Question("trace by id", lambda number: Request(f"/api/v2/traces/{traces[number % len(traces)]}", {}), 50),
        Question("TraceQL: slow spans of a service",
                 _same("/api/search", q='{ resource.service.name = "service-2" && duration > 100ms }', **tempo), 300),
        Question("TraceQL: an attribute", _same("/api/search", q="{ span.rpc.grpc.status_code >= 14 }", **tempo), 300),
        Question("TraceQL: structure", _same("/api/search", q="{ kind = server } >> { status = error }", **tempo), 300),
        Question("quantiles of latency by operation",
                 _same("/api/metrics/query_range", q="{ } | quantile_over_time(duration, .5, .99) by (name)",
                       step="2s", **tempo)),
        Question("RED of a service's operations", _same(f"{API}/operations", service="service-2", **window)),
    ]  # fmt: skip
