"""What is asked: single questions, and a dashboard of twelve panels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.queries.client import Request
from bench.queries.fleet import COUNTER, GAUGE, HISTOGRAM, INFO, Fleet

M = COUNTER
RATE = f"rate({M}[5m])"
JOINED = f"{RATE} * on (instance) group_left (version) {INFO}"
STEP_S = 60
"""Of the dashboard, and of the questions that name no other."""
Compared = Literal["series", "step"]


@dataclass(frozen=True, slots=True)
class Question:
    """One request, asked again and again."""

    title: str
    request: Request
    compared: Compared = "series"
    """By what answers are compared: each series, or all of a step together, where equals may stand for equals."""


def instant(query: str, at_s: int) -> Request:
    return Request("/api/v1/query", {"query": query, "time": str(at_s)})


def over(query: str, end_s: int, seconds: int, step_s: int) -> Request:
    params = {"query": query, "start": str(end_s - seconds), "end": str(end_s), "step": str(step_s)}
    return Request("/api/v1/query_range", params)


def label_values(label: str, end_s: int, seconds: int) -> Request:
    return Request(f"/api/v1/label/{label}/values", {"start": str(end_s - seconds), "end": str(end_s)})


def span(seconds: int) -> str:
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"


def questions(fleet: Fleet) -> list[Question]:
    """Return the single questions, over the fleet's time and a sixth of it."""
    end_s, long_s = fleet.end_s, fleet.seconds
    short_s = long_s // 6
    by_shard = f"sum by (shard) ({RATE})"
    quantile = f"histogram_quantile(0.99, sum by (le, shard) (rate({HISTOGRAM}_bucket[5m])))"
    topk = f"topk(10, {RATE})"
    joined = f"{M} * on (instance) group_left (version) {INFO}"
    by_version = f"sum by (version) ({JOINED})"
    rates = [
        Question(f"`{by_shard}`, {span(seconds)} / {step_s} s", over(by_shard, end_s, seconds, step_s))
        for seconds in (short_s, long_s)
        for step_s in (15, 60)
    ]
    where = f"{span(short_s)} / {STEP_S} s"
    return [
        Question(f"`sum by (shard) ({M})`, instant", instant(f"sum by (shard) ({M})", end_s)),
        *rates,
        Question(f"`{quantile}`, {where}", over(quantile, end_s, short_s, STEP_S)),
        Question(f"`{topk}`, {where}", over(topk, end_s, short_s, STEP_S), compared="step"),
        Question(f"`{joined}`, instant", instant(joined, end_s)),
        Question(f"`{by_version}`, {where}", over(by_version, end_s, short_s, STEP_S)),
        Question(f"values of `peer`, {fleet.peers:,} of them", label_values("peer", end_s, long_s)),
        Question('`count by (__name__) ({__name__!=""})`, instant', instant(COUNT_BY_NAME, end_s)),
    ]


COUNT_BY_NAME = 'count by (__name__) ({__name__!=""})'
PANELS = (
    f"sum({RATE})",
    f"sum by (shard) ({RATE})",
    f"sum by (region) ({RATE})",
    f"sum by (service) ({RATE})",
    f"topk(10, sum by (queue) ({RATE}))",
    f'sum by (instance) (rate({M}{{region="eu-west"}}[5m]))',
    f"histogram_quantile(0.99, sum by (le) (rate({HISTOGRAM}_bucket[5m])))",
    f"histogram_quantile(0.5, sum by (le, shard) (rate({HISTOGRAM}_bucket[5m])))",
    f"sum(rate({HISTOGRAM}_sum[5m])) / sum(rate({HISTOGRAM}_count[5m]))",
    f"sum by (shard) ({GAUGE})",
    f'max by (queue) ({GAUGE}{{shard=~"shard-1.*"}})',
    f"sum by (version) ({JOINED})",
)


def dashboard(fleet: Fleet, end_s: int) -> list[Request]:
    """Return what a browser asks for that shows all panels over the fleet's length of time up to *end_s*."""
    return [over(panel, end_s, fleet.seconds, STEP_S) for panel in PANELS]
