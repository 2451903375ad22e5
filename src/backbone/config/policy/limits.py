"""How many labels and series there may be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from backbone.config.section import Section, Within
from backbone.config.units import tenant_name

Count = Annotated[int, Within(1, 10_000_000_000)]
OnBreach = Literal["overflow", "drop"]


class LabelLimits(Section):
    """How large the labels of a series may be; a series over them is left out."""

    per_series: Annotated[int, Within(1, 10_000)] = 128
    """How many labels a series may have, its name not counted."""
    name_bytes: Annotated[int, Within(1, 1_000_000)] = 512
    """How long a label's name may be."""
    value_bytes: Annotated[int, Within(1, 1_000_000)] = 8192
    """How long a label's value may be."""


class MetricLimits(Section):
    """Budgets of one metric, in place of the general ones."""

    active_series: Count | None = None
    """How many series of a day or two it may have; ``null`` is no limit."""
    values_per_label: Count | None = None
    """How many values any of its labels may have; ``null`` is no limit."""


class TenantLimits(Section):
    """Budgets of one tenant, in place of the general ones."""

    active_series: Count | None = None
    """How many series of a day or two it may have; ``null`` is no limit."""
    new_series_per_minute: Count | None = None
    """How many series may be new in a minute; ``null`` is no limit."""


class TeamLimits(Section):
    """The budget of a team; which services are its own is said in ``tagging.teams``."""

    active_series: Count
    """How many series of a day or two its services may have."""


class LimitsConfig(Section):
    """
    Limits of labels, and budgets of series.

    Series that are there already are never hurt: what is over a budget is a new series. A budget counts the series that
    had samples yesterday or today.
    """

    on_breach: OnBreach = "overflow"
    """
    What becomes of new series over a budget: ``overflow`` adds their samples up in one series of the metric, which has
    the label ``otel_metric_overflow="true"`` and no other; ``drop`` leaves them out.
    """
    labels: LabelLimits = LabelLimits()
    active_series: Count | None = 5_000_000
    """How many series a tenant may have; ``null`` is no limit."""
    new_series_per_minute: Count | None = None
    """How many series of a tenant may be new in a minute; ``null`` is no limit."""
    active_series_per_metric: Count | None = 200_000
    """How many series a metric may have; ``null`` is no limit."""
    values_per_label: Count | None = None
    """How many values a label of a metric may have; ``null`` is no limit."""
    metrics: dict[str, MetricLimits] = Field(default_factory=dict)
    """Budgets of single metrics, by their Prometheus name."""
    teams: dict[str, TeamLimits] = Field(default_factory=dict)
    """Budgets of teams, by their names in ``tagging.teams``."""
    tenants: dict[Annotated[str, AfterValidator(tenant_name)], TenantLimits] = Field(default_factory=dict)
    """Budgets of single tenants, by their names."""
