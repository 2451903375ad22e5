"""From a policy's configuration to what it does with each signal's rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from backbone.config.policy import PolicyConfig
from backbone.process.sample.compiled import Sampling, compile_sampling
from backbone.process.step import Step


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
    sampling: Sampling = field(default_factory=Sampling)


def compile_policy(config: PolicyConfig) -> Policy:
    """Return what a policy does; the configuration has been checked before."""
    return Policy(sampling=compile_sampling(config.sample))
