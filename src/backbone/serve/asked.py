"""What the faces ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from backbone.config.policy import PolicyConfig
from backbone.query.catalog import Catalog
from backbone.query.logql.engine import LogQL
from backbone.query.promql.engine import PromQL
from backbone.query.promql.source import Source
from backbone.records.searches import Searches
from backbone.store.engine import Engine, QueryLimits


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What is told of the server: its configuration as YAML without secrets, and each option with its value."""

    config: str
    flags: Mapping[str, str]
    started: datetime
    retention: str


class PolicyInForce(Protocol):
    """The policy that governs what comes in; it may be another one a moment later."""

    @property
    def config(self) -> PolicyConfig: ...


@dataclass(frozen=True, slots=True)
class FixedPolicy:
    """A policy that stays."""

    config: PolicyConfig = field(default_factory=PolicyConfig)


@dataclass(frozen=True, slots=True)
class Asked:
    """
    The engine, within *limits* a statement; the series of *source*, what *catalog* lists of them, and the languages;
    *searches* are what people saved, *policy* is what governs what comes in.
    """

    engine: Engine
    limits: QueryLimits
    source: Source
    catalog: Catalog
    promql: PromQL
    logql: LogQL
    searches: Searches
    facts: ServerFacts
    policy: PolicyInForce = field(default_factory=FixedPolicy)
