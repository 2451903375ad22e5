"""What a policy says of sampling, in the form that views and sweeps are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backbone.config.policy.sample import HeadConfig, LogRule, SampleConfig, TailConfig, TailPolicy
from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.process.sample.decide import decisions_insert
from backbone.process.sample.threshold import packed, threshold


@dataclass(frozen=True, slots=True)
class Head:
    """Thresholds that traces are held against as they come: of most services, and of some."""

    default: str
    services: Mapping[str, str]

    @property
    def lowest(self) -> str:
        """The threshold of the service that keeps most."""
        return min([self.default, *self.services.values()], key=packed)


@dataclass(frozen=True, slots=True)
class Tail:
    """How traces are decided on that wait."""

    policies: Sequence[TailPolicy]
    decide: str
    """See `backbone.process.sample.decide.decisions_insert`."""
    wait_ns: int
    keep_decisions_ns: int
    max_spans: int


@dataclass(frozen=True, slots=True)
class Sampling:
    """All of it; what is not configured is not there."""

    head: Head | None = None
    tail: Tail | None = None
    log_rules: Sequence[LogRule] = ()

    @property
    def of_traces(self) -> bool:
        """Whether spans are left out, so that what counts calls cannot read the stored ones."""
        return self.head is not None or self.tail is not None

    @property
    def of_logs_with_traces(self) -> bool:
        return self.tail is not None and bool(self.log_rules)


def compile_sampling(config: SampleConfig) -> Sampling:
    """Return what a policy does."""
    return Sampling(_head(config.traces.head), _tail(config.traces.tail), config.logs.rules)


def _head(config: HeadConfig) -> Head | None:
    services = {name: threshold(ratio) for name, ratio in config.services.items() if ratio != config.ratio}
    return Head(threshold(config.ratio), services) if config.ratio < 1 or services else None


def _tail(config: TailConfig) -> Tail | None:
    if not config.policies:
        return None
    return Tail(
        policies=config.policies,
        decide=decisions_insert(config.policies),
        wait_ns=config.wait.nanoseconds,
        # What came while nothing was swept is still there after a pause, so decisions must be, too.
        keep_decisions_ns=max(config.keep_decisions.nanoseconds, 60 * NANOSECONDS_PER_SECOND),
        max_spans=config.max_spans,
    )
