"""Our own API's way to see what policy found and did."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from backbone.query.findings import read_findings
from backbone.serve.answers import Answer
from backbone.serve.endpoint import Endpoint
from backbone.serve.openapi import Operation
from backbone.serve.questions import Window
from backbone.store.engine import Engine, QueryLimits


class FindingsQuestion(Window):
    """What policy found."""

    policy: Literal["", "tagging", "redact", "limits", "sample"] = ""
    """Of one section of the policy only."""
    limit: int = Field(default=1_000, ge=1, le=100_000)
    """Totals at most; the largest come first."""


class FoundFinding(Answer):
    policy: str
    rule: str
    signal: str
    service: str
    outcome: str
    items: int
    last: str
    """The last minute in which there was one."""
    example: str
    """The trace of one of them, where it has one."""


class Findings(Answer):
    findings: list[FoundFinding]


def findings_endpoints(engine: Engine, limits: QueryLimits) -> list[Endpoint[Any]]:
    """Return the endpoints."""

    async def findings(tenant: str, question: FindingsQuestion) -> Answer:
        found = await read_findings(engine, tenant, question.range_ns(), question.policy, question.limit, limits)
        return Findings(findings=[FoundFinding.model_validate(one, from_attributes=True) for one in found])

    return [Endpoint(Operation("/policy/findings", "What policy found", FindingsQuestion, Findings), findings)]
