"""From a policy's configuration to what it does with each signal's rows."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from backbone.config.policy import LimitsConfig, PolicyConfig
from backbone.model.renames import Renames
from backbone.process.redact import KEY_BYTES, Redaction, redaction
from backbone.process.sample.compiled import Sampling, compile_sampling
from backbone.process.step import Step
from backbone.process.tag import compile_tagging
from backbone.process.tag.conditions import owner


@dataclass(frozen=True, slots=True)
class Policy:
    """
    A policy compiled to SQL: the steps of each signal's rows, in order, and what the rules are called.

    Attributes of spans and log records are renamed as their rows are written, and not by these steps: ``renaming`` does
    the same with rows that are stored. Steps of ``spans`` and ``logs`` work on the columns of ``spans_in`` and
    ``logs_in``; those of ``series`` on ``metric``, ``label_names``, ``label_values``, ``unit``. Requests are scrubbed
    before.
    """

    spans: tuple[Step, ...] = ()
    logs: tuple[Step, ...] = ()
    series: tuple[Step, ...] = ()
    breaches: tuple[str, ...] = ()
    """What each bit of ``breaches`` stands for, from the lowest."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """By signal, an expression that shows what broke the rule ``bit``; it is for rows that all steps are done with."""
    renames: Renames = field(default_factory=Renames)
    renaming: tuple[Step, ...] = ()
    redaction: Redaction = field(default_factory=Redaction)
    """What is personal or secret in requests."""
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    team: Callable[[str], str] | None = None
    """Makes of an expression of a service that of its team, where teams have budgets."""

    sampling: Sampling = field(default_factory=Sampling)


def _key(config: PolicyConfig, kept: bytes) -> bytes:
    """Return the key of hashes: what the policy says, however long it is, or the one that is kept."""
    if config.redact.key is not None:
        return hashlib.sha256(config.redact.key.reveal().encode()).digest()[:KEY_BYTES]
    return kept or secrets.token_bytes(KEY_BYTES)


def compile_policy(config: PolicyConfig, key: bytes = b"") -> Policy:
    """
    Return what a policy does; the configuration has been checked before.

    Args:
        key: `KEY_BYTES` bytes for hashes where the policy has no key; without either, hashes are of this run only.
    """
    tagging = compile_tagging(config.tagging)
    redact = redaction(config.redact, _key(config, key), config.tagging.all_renames())
    return Policy(
        spans=tagging.spans,
        logs=tagging.logs,
        series=tagging.series,
        breaches=tagging.breaches,
        evidence=tagging.evidence,
        renames=tagging.renames,
        renaming=tagging.renaming,
        redaction=redact,
        limits=config.limits,
        team=partial(owner, config.tagging) if config.limits.teams else None,
        sampling=compile_sampling(config.sample),
    )
