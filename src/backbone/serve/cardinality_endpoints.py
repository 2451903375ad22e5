"""Our own API's way to look into cardinality."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from backbone.query.explore_cardinality import Question, explore_cardinality
from backbone.serve.answers import Answer
from backbone.serve.endpoint import Endpoint
from backbone.serve.openapi import Operation
from backbone.serve.parameters import Parameters
from backbone.serve.questions import Text
from backbone.store.engine import Engine, QueryLimits


class CardinalityQuestion(Parameters):
    """Where the series of the last day come from."""

    metric: Text = ""
    """Only this metric's."""
    service: Text = ""
    """Only those with this `job`."""
    unqueried_days: int = Field(default=7, ge=1, le=365)
    """Metrics that nobody asked for in so many days count as unqueried."""
    limit: int = Field(default=20, ge=1, le=1_000)
    """Rows of each kind."""

    def question(self) -> Question:
        return Question(self.metric, self.service, self.unqueried_days, self.limit)


class LargeMetric(Answer):
    name: str
    series: int
    new_last_hour: int
    widest_label: str
    """The label with most values."""
    widest_values: int
    last_queried: int
    """Seconds since 1970; 0 is never."""


class LargeLabel(Answer):
    name: str
    values: int
    series: int
    metrics: int


class LargeValue(Answer):
    label: str
    value: str
    series: int


class Owner(Answer):
    service: str
    series: int
    metrics: int
    new_last_hour: int


class HourOfGrowth(Answer):
    time: int
    """Start of the hour, in seconds since 1970."""
    new_series: int


class UnqueriedMetric(Answer):
    name: str
    series: int
    last_queried: int
    """Seconds since 1970; 0 is never."""


class CardinalityNow(Answer):
    series: int
    new_last_hour: int
    metrics: list[LargeMetric]
    labels: list[LargeLabel]
    values: list[LargeValue]
    owners: list[Owner]
    growth: list[HourOfGrowth]
    unqueried: list[UnqueriedMetric]


def cardinality_endpoints(engine: Engine, limits: QueryLimits) -> list[Endpoint[Any]]:
    """Return the endpoint."""

    async def explored(tenant: str, asked: CardinalityQuestion) -> Answer:
        found = await explore_cardinality(engine, tenant, asked.question(), limits)
        return CardinalityNow.model_validate(found, from_attributes=True)

    summary = "Where series come from, what grows, and what nobody asks for"
    return [Endpoint(Operation("/cardinality", summary, CardinalityQuestion, CardinalityNow), explored)]
