"""What a policy does to each stored item: what it was and what it would be, for people and tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from backbone.process.effects import SETTINGS, Signal, Tried, tries
from backbone.process.policy import Policy
from backbone.store.engine import Engine, QueryLimits
from backbone.store.wire.columns import LATEST_NS

_TITLES: Mapping[Signal, str] = {"traces": "name", "logs": "body", "metrics": "metric"}
_EVER = (0, LATEST_NS)


@dataclass(frozen=True, slots=True)
class Item:
    """A span, log record or series, with its attributes before and after; ``title`` is its name or body as it was."""

    signal: Signal
    service: str
    title: str
    before: dict[str, Any]
    after: dict[str, Any]
    breaches: tuple[str, ...]
    redactions: tuple[str, ...]
    dropped: str
    refused: str
    sampled_out: str
    """The rule of sampling that leaves a span or a record out, ``head`` and ``tail`` for spans."""
    over_limit: str
    """The limit that a series is over."""

    @property
    def is_kept(self) -> bool:
        return not (self.dropped or self.refused or self.sampled_out or self.over_limit)


async def trial(engine: Engine, tenant: str, policy: Policy, limits: QueryLimits) -> list[Item]:
    """Return what a policy does to all that a tenant has stored: spans, log records, series, each in order of time."""
    found = []
    for tried in tries(tenant, policy, _EVER):
        # It reads; that it may set how it is planned makes it no statement that is read-only to the engine.
        rows = await engine.rows(tried.conditions.statement(_detailed(tried)), replace(limits, read_only=False))
        found += [_item(tried, policy, row) for row in rows]
    return found


def _detailed(tried: Tried) -> str:
    pairs = ", ".join(f"{column} AS {tried.was(column)[4:]}, {tried.was(column)}" for column in tried.compared)
    title = _TITLES[tried.signal]
    shown = f"{pairs}, toString(service) AS service" + ("" if title in tried.compared else f", {title}")
    order = {"traces": "time, span_id", "logs": "time, was_body", "metrics": "metric, was_label_values"}[tried.signal]
    return (
        f"SELECT {shown}, breaches, redactions, toString(dropped) AS dropped, toString(refused) AS refused, "
        f"left_out_by FROM ({tried.sql}) ORDER BY {order} {SETTINGS}"
    )


def _item(tried: Tried, policy: Policy, row: dict[str, Any]) -> Item:
    names = [tried.was(column)[4:] for column in tried.compared]
    title = _TITLES[tried.signal]
    before, after = {name: row[f"was_{name}"] for name in names}, {name: row[name] for name in names}
    if tried.signal == "metrics":
        before, after = ({"labels": _labels(side)} for side in (before, after))
    return Item(
        tried.signal,
        row["service"],
        row.get(f"was_{title}", row.get(title, "")),
        before,
        after,
        _named(policy.breaches, row["breaches"]),
        _named(policy.redaction.names, row["redactions"]),
        row["dropped"],
        row["refused"],
        "" if tried.signal == "metrics" else row["left_out_by"],
        row["left_out_by"] if tried.signal == "metrics" else "",
    )


def _labels(side: dict[str, Any]) -> dict[str, str]:
    return dict(zip(side["label_names"], side["label_values"], strict=True))


def _named(rules: tuple[str, ...], bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in enumerate(rules) if bits >> bit & 1)
