"""What is asked of logs and traces, as addresses of Backbone's API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.queries.client import Request

API = "/api/backbone/v1"
LOKI = "/loki/api/v1"


@dataclass(frozen=True, slots=True)
class Known:
    """What is in the data: words of one line each, values of one attribute each, traces; and seconds since 1970."""

    words: tuple[str, ...]
    request_ids: tuple[str, ...]
    traces: tuple[str, ...]
    start: float
    logs_end: float
    """Records are from the start until then, spans from then until the end."""
    end: float


@dataclass(frozen=True, slots=True)
class Question:
    """``request(n)`` is what is asked the nth time; ``promised_ms`` is None where nothing is promised."""

    title: str
    request: Callable[[int], Request]
    promised_ms: int | None = None


def _asked(path: str, **given: object) -> Callable[[int], Request]:
    """
    Return what is asked, each time for a time that ends a millisecond later, so that nothing answers from a cache.

    Of what is given as a list, each time another is asked for.
    """

    def request(number: int) -> Request:
        params = {
            name: str(value[number % len(value)] if isinstance(value, list) else value) for name, value in given.items()
        }
        for name in _ENDS & params.keys():
            params[name] = str(int(params[name]) + number * 1_000_000)
        return Request(path, params)

    return request


_ENDS = {"end", "time"}
"""Parameters in nanoseconds."""


def _window(start: float, end: float) -> dict[str, object]:
    return {"since": f"{start:.3f}", "until": [f"{end + number / 1000:.3f}" for number in range(100)]}


def log_questions(known: Known) -> list[Question]:
    window = _window(known.start, known.logs_end)
    loki = {"start": int(known.start * 1e9), "end": int(known.logs_end * 1e9)}
    every = '{service_name=~".+"}'
    one = '{service_name="service-3"}'
    return [
        Question("needle: a word of one line", _asked(f"{API}/logs", text=list(known.words), **window), 50),
        Question("needle: LogQL line filter, a part of a word",
                 _asked(f"{LOKI}/query_range", query=[f'{every} |= "{word[3:]}"' for word in known.words], **loki),
                 300),
        Question("phrase", _asked(f"{API}/logs", text='"suspects were probed through other"', **window), 300),
        Question("two words", _asked(f"{API}/logs", text="deadline exceeded", **window), 300),
        Question("regular expression, first page",
                 _asked(f"{LOKI}/query_range", query=f'{every} |~ "elapsed_ms=8[0-9]+ attempt=1[0-9]{{2}} "', **loki),
                 300),
        Question("regular expression over everything, counted",
                 _asked(f"{LOKI}/query", query=f'sum(count_over_time({every} |~ "token [0-9a-f]*fe00[0-9a-f]*" [1d]))',
                       time=loki["end"]), 2_000),
        Question("attribute = value of one line",
                 _asked(f"{API}/logs", attribute=[f"rpc.request_id={one}" for one in known.request_ids], **window),
                 300),
        Question("field filter: shard_id > 1990 of a service",
                 _asked(f"{LOKI}/query_range", query=f"{one} | shard_id > 1990", **loki), 300),
        Question("top values of an attribute", _asked(f"{API}/logs/top", field="rpc_procedure", **window)),
        Question("histogram by severity", _asked(f"{API}/logs/histogram", **window)),
        Question("patterns of a service", _asked(f"{API}/logs/patterns", text="service:service-3", **window)),
        Question("rate by service, a step each 2 s",
                 _asked(f"{LOKI}/query_range", query=f"sum by (service_name) (rate({every}[1m]))", step="2", **loki)),
    ]  # fmt: skip


def few_questions(known: Known) -> list[Question]:
    """Return what is asked of few records; the promise is to be ahead of VictoriaLogs on the same ones, in SQL."""
    window = _window(known.start, known.logs_end)
    every, end = '{service_name=~".+"}', int(known.logs_end * 1e9)

    def counted(filter_: str) -> Callable[[int], Request]:
        return _asked(f"{LOKI}/query", query=f"sum(count_over_time({every} {filter_} [1d]))", time=end)

    return [
        Question("a token of one line", _asked(f"{API}/logs", text=list(known.words), **window), 18),
        Question("a phrase, counted", counted('|= "suspects were probed through other"'), 39),
        Question("a regular expression, counted", counted('|~ "token [0-9a-f]*fe00[0-9a-f]*"'), 84),
        Question("attribute = value of one line",
                 _asked(f"{API}/logs", attribute=[f"rpc.request_id={one}" for one in known.request_ids], **window), 3),
        Question("top values of an attribute", _asked(f"{API}/logs/top", field="rpc_procedure", **window), 13),
    ]  # fmt: skip


def span_questions(known: Known) -> list[Question]:
    window = _window(known.logs_end - 2, known.end)
    tempo = {"start": int((known.logs_end - 2) * 1e9), "end": int(known.end * 1e9)}
    traces = known.traces
    return [
        Question("trace by id", lambda number: Request(f"/api/v2/traces/{traces[number % len(traces)]}", {}), 50),
        Question("TraceQL: slow spans of a service",
                 _asked("/api/search", q='{ resource.service.name = "service-2" && duration > 100ms }', **tempo), 300),
        Question("TraceQL: an attribute", _asked("/api/search", q="{ span.rpc.grpc.status_code >= 14 }", **tempo), 300),
        Question("TraceQL: structure",
                 _asked("/api/search", q="{ kind = server } >> { status = error }", **tempo), 300),
        Question("quantiles of latency by operation",
                 _asked("/api/metrics/query_range", q="{ } | quantile_over_time(duration, .5, .99) by (name)",
                       step="2s", **tempo)),
        Question("RED of a service's operations", _asked(f"{API}/operations", service="service-2", **window)),
    ]  # fmt: skip
