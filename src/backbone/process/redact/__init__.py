"""Personal data and secrets: what is looked for in telemetry, and what stands in its place before it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from backbone.config.policy.redact import RedactConfig
from backbone.model.scrubbing import Scrubbing
from backbone.process.redact.plan import plan_of
from backbone.process.redact.requests import scrubbing_of
from backbone.process.redact.scrub import KEY_TABLE, Scrubber
from backbone.process.redact.steps import logs_step, series_step, spans_step
from backbone.process.step import Step
from backbone.process.view import Recall

__all__ = ["KEY_BYTES", "Redaction", "redaction"]

KEY_BYTES = 16
"""Of the key under which texts are hashed."""
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Redaction:
    """What the section ``redact`` does with requests and with rows; nothing where it is switched off."""

    requests: Scrubbing | None = None
    """How requests of traces and logs are scrubbed before they are written."""
    metrics: Scrubbing | None = None
    """How those of metrics are, where texts become labels."""
    spans: tuple[Step, ...] = ()
    """The same over rows of spans that are stored, to tell what it would do to them."""
    logs: tuple[Step, ...] = ()
    series: tuple[Step, ...] = ()
    names: tuple[str, ...] = ()
    """The names of the rules by their bits."""
    merging: int = 0
    """The bits of rules that may give several series the same labels."""
    sentences: tuple[str, ...] = ()
    """What is done, for people."""
    recalls: tuple[Recall, ...] = ()
    """The table that holds the key of hashes."""


def redaction(config: RedactConfig, key: bytes, renames: Mapping[str, str] = _NONE) -> Redaction:
    """
    Return what a section does.

    Args:
        key: `KEY_BYTES` bytes under which texts are hashed.
        renames: new names of attributes by the old ones under which they may still come.
    """
    if not config.enabled:
        # The key is there all the same: what another policy would do is tried on the same tables.
        return Redaction(recalls=(_key_table(key),))
    plan = plan_of(config)
    scrubber, labels = Scrubber(plan), Scrubber(plan.for_labels(config.labels))
    return Redaction(
        requests=scrubbing_of(scrubber, renames),
        metrics=scrubbing_of(labels, renames),
        spans=(spans_step(scrubber),),
        logs=(logs_step(scrubber),),
        series=(series_step(labels),),
        names=plan.names,
        merging=plan.for_labels(config.labels).merging,
        sentences=plan.sentences,
        recalls=(_key_table(key),),
    )


def of_requests(redaction: Redaction, signal: str) -> tuple[Step, ...]:
    """Return, for people, what is done with a signal's requests: a statement over texts in which something may be."""
    scrubbing = redaction.metrics if signal == "metrics" else redaction.requests
    return (Step("redact", (scrubbing.texts,), words=redaction.sentences),) if scrubbing else ()


def _key_table(key: bytes) -> Recall:
    halves = [int.from_bytes(key[at : at + 8], "big") for at in (0, 8)]
    return Recall(
        KEY_TABLE,
        "id UInt8, k0 UInt64, k1 UInt64",
        "Join(ANY, LEFT, id) SETTINGS persistent = 0",
        f"SELECT 0, {halves[0]}, {halves[1]}",
    )
