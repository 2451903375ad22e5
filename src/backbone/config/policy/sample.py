"""Which traces and log records are kept where not all are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from backbone.config.policy.patterns import Regex
from backbone.config.section import Section, Within
from backbone.config.units import Duration, OptionError

_Item = TypeVar("_Item")
Many = Annotated[tuple[_Item, ...], Field(strict=False)]
"""A list."""
Severity = Literal["debug", "info", "warn", "error", "fatal"]


@dataclass(frozen=True, slots=True)
class Share(Within):
    """A ratio that keeps something: over 0, up to 1."""

    low: str | int = 0
    high: str | int = 1

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def check(value: float) -> float:
            if not 0 < value <= 1:
                raise OptionError(f"a number {self}", value)
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "exclusiveMinimum": 0, "maximum": 1}

    def __str__(self) -> str:
        return "over 0, up to 1"


Ratio = Annotated[float, Share()]


class HeadConfig(Section):
    """
    Kept by trace id alone, at once; all services and all samplers that know OpenTelemetry's thresholds decide alike.

    A trace that comes with a threshold of its own (``ot=th`` in its tracestate) was sampled before; what is kept is the
    stricter of the two, and its new threshold is written down. An explicit randomness (``ot=rv``) stands for the id.
    """

    ratio: Ratio = 1.0
    """Share of traces that is kept."""
    services: dict[str, Ratio] = Field(default_factory=dict)
    """Other shares for spans of some services; a trace that is kept at a smaller share is kept at every larger one."""


class _Policy(Section):
    name: str = ""
    """What it is called where it is counted; its kind if it has no name."""


class ErrorPolicy(_Policy):
    """Keeps traces with a failed span."""

    kind: Literal["error"]
    """Keeps traces with a span whose status is error."""


class LatencyPolicy(_Policy):
    """Keeps slow traces."""

    kind: Literal["latency"]
    """Keeps traces that take long, from the start of their first span to the end of their last."""
    over: Annotated[Duration, Within("1ms", "1d")]
    """From this on a trace is slow."""


class AttributePolicy(_Policy):
    """Keeps traces with a span that has an attribute, or whose resource has."""

    kind: Literal["attribute"]
    """Keeps traces by an attribute of a span or its resource; with no test, it is enough that it is there."""
    key: str
    """The attribute's name."""
    values: Many[str] = ()
    """Texts it may have."""
    pattern: Regex | None = None
    """What its text has to match."""
    at_least: float | None = None
    """The smallest number it may be."""


class StatusPolicy(_Policy):
    """Keeps traces by the status of their spans."""

    kind: Literal["status"]
    """Keeps traces with a span of some status."""
    codes: Many[Literal["unset", "ok", "error"]]
    """Which."""


class ServicePolicy(_Policy):
    """Keeps traces that services take part in."""

    kind: Literal["service"]
    """Keeps traces with a span of one of some services."""
    services: Many[str]
    """Their names."""


class ServiceRatePolicy(_Policy):
    """Keeps so many traces a second of each root service."""

    kind: Literal["service_rate"]
    """Keeps so many traces in a second for each service that traces begin in."""
    per_second: Annotated[int, Within(1, 1_000_000)]
    """How many; kept ones carry how many they stand for as their weight."""


class ProbabilisticPolicy(_Policy):
    """Keeps a share of traces by their id."""

    kind: Literal["probabilistic"]
    """Keeps a share of traces by their id, as ``head`` does."""
    ratio: Ratio
    """Share of traces that is kept."""


class AlwaysPolicy(_Policy):
    """Keeps every trace."""

    kind: Literal["always"]
    """Keeps every trace: for a drill, or while something is looked for."""


class _Composed(_Policy):
    policies: Many[TailPolicy]
    """The policies, as above; a rate counts only what the ones before it leave to it."""

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if not self.policies:
            raise OptionError("at least one of 'policies'", "none")
        return self


class AndPolicy(_Composed):
    """Keeps what all of its policies keep."""

    kind: Literal["and"]
    """Keeps what all of its policies keep."""


class OrPolicy(_Composed):
    """Keeps what any of its policies keeps."""

    kind: Literal["or"]
    """Keeps what any of its policies keeps."""


class NotPolicy(_Policy):
    """Keeps what its policy does not."""

    kind: Literal["not"]
    """Keeps what its policy does not; for use within ``and``."""
    policy: TailPolicy
    """The policy, as above, without shares and rates in it: what those leave out has no weight."""

    @model_validator(mode="after")
    def _is_certain(self) -> Self:
        if chances := [
            policy.kind for policy in parts(self.policy) if policy.kind in {"probabilistic", "service_rate"}
        ]:
            raise OptionError("no shares and rates in 'not'", chances[0])
        return self


TailPolicy = Annotated[
    ErrorPolicy
    | LatencyPolicy
    | AttributePolicy
    | StatusPolicy
    | ServicePolicy
    | ServiceRatePolicy
    | ProbabilisticPolicy
    | AlwaysPolicy
    | AndPolicy
    | OrPolicy
    | NotPolicy,
    Field(discriminator="kind"),
]
for _kind in (_Composed, AndPolicy, OrPolicy, NotPolicy):
    _kind.model_rebuild()


def _check_names(names: list[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise OptionError("a 'name' for each that no other has", twice[0])


def parts(policy: TailPolicy) -> list[TailPolicy]:
    """Return a policy and all policies within it."""
    if isinstance(policy, AndPolicy | OrPolicy):
        return [policy, *(part for inner in policy.policies for part in parts(inner))]
    return [policy, *parts(policy.policy)] if isinstance(policy, NotPolicy) else [policy]


class TailConfig(Section):
    """
    Kept whole or not at all, when a trace has had time to come: spans wait in a table of their own until then.

    Rates by operation and edges between services count all spans, kept or not.
    """

    wait: Annotated[Duration, Within("1s", "10m")] = Duration(10_000)
    """How long after its first span a trace is decided on."""
    keep_decisions: Annotated[Duration, Within("1m", "1d")] = Duration(600_000)
    """How long spans that come later still follow the decision."""
    max_spans: Annotated[int, Within(1_000, 1_000_000_000)] = 5_000_000
    """How many spans may wait; over that the oldest are decided on at once, which is counted."""
    policies: Many[TailPolicy] = ()
    """What keeps a trace; the first that does gives its name. None keeps every trace, and no span waits."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.keep_decisions.milliseconds < 3 * self.wait.milliseconds:
            raise OptionError("a 'keep_decisions' of at least three times 'wait'", str(self.keep_decisions))
        _check_names([policy.name or policy.kind for policy in self.policies])
        return self


class TraceSampleConfig(Section):
    """Which traces are kept."""

    head: HeadConfig = HeadConfig()
    tail: TailConfig = TailConfig()


class LogMatch(Section):
    """What a rule is about; all that is given has to hold."""

    services: Many[str] = ()
    """Services by name."""
    severity_below: Severity | None = None
    """Records that are less severe than this and say how severe they are."""
    pattern: Regex | None = None
    """What the body has to match."""


class LogRule(Section):
    """What becomes of the records it is about; a record belongs to the first rule that is about it."""

    name: str
    """What it is called where it is counted."""
    match: LogMatch = LogMatch()
    ratio: Ratio | None = None
    """Share of records that is kept."""
    per_second: Annotated[int, Within(1, 10_000_000)] | None = None
    """How many records are kept of each service in a second."""
    drop: bool = False
    """Keep none."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        said = {"ratio": self.ratio is not None, "per_second": self.per_second is not None, "drop": self.drop}
        if sum(said.values()) != 1:
            got = ", ".join(name for name, is_said in said.items() if is_said) or "none"
            raise OptionError("one of 'ratio', 'per_second' and 'drop'", got)
        return self


class LogSampleConfig(Section):
    """
    Which log records are kept: those of no rule, those a rule keeps, and those that belong to a kept trace.

    Where all traces are kept, a record with a trace id is therefore kept; with tail sampling it waits for its trace.
    """

    rules: Many[LogRule] = ()
    """In order; up to 200."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.rules) > 200:
            raise OptionError("at most 200 rules", len(self.rules))
        _check_names([rule.name for rule in self.rules])
        return self


class SampleConfig(Section):
    """Which traces and log records are kept; by default all."""

    traces: TraceSampleConfig = TraceSampleConfig()
    logs: LogSampleConfig = LogSampleConfig()
