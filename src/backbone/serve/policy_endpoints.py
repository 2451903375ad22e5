"""Our own API's ways to see the policy in force, how services keep to it, and what another one would do."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, Field

from backbone.config.dump import dump
from backbone.config.load import parse_file
from backbone.config.policy import PolicyConfig
from backbone.model.errors import UserInputError
from backbone.process import compile_policy
from backbone.process.effects import Effect, effects
from backbone.query.scorecard import RuleScore, ServiceScore, scorecard
from backbone.serve.answers import Answer
from backbone.serve.asked import PolicyInForce
from backbone.serve.endpoint import Endpoint
from backbone.serve.openapi import Operation
from backbone.serve.questions import NoQuestion, Text, Window
from backbone.store.engine import Engine, QueryLimits

_MAX_POLICY = 256 << 10
_REFERENCE = re.compile(r"(?<!\$)(?:\$\$)*\$\{")


class ScoreQuestion(Window):
    """How services keep to the tagging standard."""

    service: Text = ""
    """One service; without it, all."""


class DiffQuestion(Window):
    """What a policy would do to telemetry that is stored."""

    policy: str = Field(max_length=_MAX_POLICY)
    """The policy as YAML, without references such as `${env:NAME}`."""
    old: str | None = Field(default=None, max_length=_MAX_POLICY)
    """What to compare with; without it, the policy in force."""


class PolicyNow(Answer):
    yaml: str
    """All of it with its defaults, as YAML; secrets are masked."""
    policy: dict[str, Any]
    """The same as JSON."""


class FoundRule(Answer):
    rule: str
    requirement: str
    breached: int
    share: float
    example: str

    @classmethod
    def of(cls, found: RuleScore) -> FoundRule:
        return cls.model_validate(found, from_attributes=True)


class FoundScore(Answer):
    service: str
    team: str
    items: dict[str, int]
    score: float
    """From 0, where every item breaks every rule, to 100."""
    grade: str
    before: float | None
    """The score of as long a time before; None where nothing came."""
    rules: list[FoundRule]

    @classmethod
    def of(cls, found: ServiceScore) -> FoundScore:
        return cls(
            service=found.service,
            team=found.team,
            items=found.items,
            score=found.score,
            grade=found.grade,
            before=found.before,
            rules=[FoundRule.of(rule) for rule in found.rules],
        )


class FoundScores(Answer):
    services: list[FoundScore]


class FoundEffect(Answer):
    signal: str
    service: str
    items: int
    changed: int
    """Items whose attributes are renamed, added or taken away, or whose texts are other ones."""
    dropped: int
    refused: int
    breaches: dict[str, int]
    """Items by rule of tagging."""
    redactions: dict[str, int]
    """Items by rule of redaction."""
    sampled_out: dict[str, int]
    """Spans and log records that sampling leaves out, by its rule; `head` and `tail` for spans."""
    over_limit: dict[str, int]
    """Series that are over a limit or a budget, by which, as if none of them was there before."""

    @classmethod
    def of(cls, found: Effect) -> FoundEffect:
        return cls.model_validate(found, from_attributes=True)


class FoundDiff(Answer):
    old: list[FoundEffect]
    new: list[FoundEffect]


def policy_endpoints(engine: Engine, limits: QueryLimits, policy: PolicyInForce) -> list[Endpoint[Any]]:
    """Return the endpoints."""

    async def show(_tenant: str, _question: NoQuestion) -> BaseModel:
        return PolicyNow(yaml=dump(policy.config), policy=policy.config.model_dump(mode="json"))

    async def score(tenant: str, question: ScoreQuestion) -> BaseModel:
        found = await scorecard(
            engine, tenant, policy.config.tagging, question.range_ns(), limits, service=question.service
        )
        return FoundScores(services=[FoundScore.of(one) for one in found])

    async def diff(tenant: str, question: DiffQuestion) -> BaseModel:
        old = policy.config if question.old is None else _read(question.old, "old")
        new = _read(question.policy, "policy")
        window = question.range_ns()
        before, after = [await effects(engine, tenant, compile_policy(one), window, limits) for one in (old, new)]
        return FoundDiff(old=[FoundEffect.of(one) for one in before], new=[FoundEffect.of(one) for one in after])

    return [
        Endpoint(Operation("/policy", "The policy in force", NoQuestion, PolicyNow), show),
        Endpoint(Operation("/policy/score", "How services keep to the standard", ScoreQuestion, FoundScores), score),
        Endpoint(Operation("/policy/diff", "What a policy would do", DiffQuestion, FoundDiff, method="POST"), diff),
    ]


def _read(text: str, name: str) -> PolicyConfig:
    """Return a policy that came over the wire: what this server's files and environment hold is not for its sender."""
    if _REFERENCE.search(text):
        raise UserInputError(f"'{name}': expected a policy without references such as '${{env:NAME}}'")
    return parse_file(PolicyConfig, text.encode(), name, {})
