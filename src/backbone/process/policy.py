"""From a policy's configuration to what it does with each signal's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backbone.config.policy import PolicyConfig
from backbone.process.step import Step
from backbone.process.tag import compile_tagging


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
    evidence: Mapping[str, str] = field(default_factory=dict)
    """By signal, an expression that shows what broke the rule ``bit``; it is for rows that all steps are done with."""
    redactions: tuple[str, ...] = ()
    """What each bit of ``redactions`` stands for, from the lowest."""


def compile_policy(config: PolicyConfig) -> Policy:
    """Return what a policy does; the configuration has been checked before."""
    tagging = compile_tagging(config.tagging)
    return Policy(
        spans=tagging.spans,
        logs=tagging.logs,
        series=tagging.series,
        breaches=tagging.breaches,
        evidence=tagging.evidence,
    )
