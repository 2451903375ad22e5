"""From a policy's configuration to what it does with each signal's rows."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from backbone.config.policy import PolicyConfig
from backbone.process.redact import KEY_BYTES, redaction
from backbone.process.step import Step
from backbone.process.view import Recall


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Policy:
    """
    A policy compiled to SQL: the steps of each signal's rows, in order, and what the rules are called.

    Steps of ``spans`` and ``logs`` work on the columns of ``spans_in`` and ``logs_in``; those of ``series`` on
    ``metric``, ``label_names``, ``label_values`` and ``unit``; those of ``exemplars`` on ``labels``.
    """

    spans: tuple[Step, ...] = ()
    logs: tuple[Step, ...] = ()
    series: tuple[Step, ...] = ()
    exemplars: tuple[Step, ...] = ()
    breaches: tuple[str, ...] = ()
    """What each bit of ``breaches`` stands for, from the lowest."""
    redactions: tuple[str, ...] = ()
    """What each bit of ``redactions`` stands for, from the lowest."""
    text: Callable[[str], str] = _as_it_is
    """Takes an expression of text, where there is a column ``tenant``, and returns it scrubbed: for help texts."""
    recalls: tuple[Recall, ...] = ()
    """Tables in memory that steps look into."""


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
    redact = redaction(config.redact, _key(config, key))
    return Policy(
        spans=redact.spans,
        logs=redact.logs,
        series=redact.series,
        exemplars=redact.exemplars,
        redactions=redact.names,
        text=redact.text,
        recalls=redact.recalls,
    )
