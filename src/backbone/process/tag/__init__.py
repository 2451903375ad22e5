"""
The tagging standard as steps over rows: renames first, then which rules a row breaks, then what becomes of it.

What a resource says is judged once, before its items are spread out. Names of attributes are texts of a dictionary, on
which the engine works once for a block of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backbone.config.policy.sentences import sentences
from backbone.config.policy.tagging import SIGNALS, Signal, TaggingConfig
from backbone.process.step import Step
from backbone.process.tag.actions import Actions
from backbone.process.tag.conditions import TEAM, breach, team
from backbone.process.tag.evidence import evidence
from backbone.process.tag.numbered import Numbered, numbered
from backbone.process.tag.renames import rename_attributes, rename_labels, rename_resource
from backbone.process.tag.subjects import NAMES, Rows, Series, Subject

Layer = dict[str, str]


@dataclass(frozen=True, slots=True)
class Tagging:
    """The steps of each signal's rows, the names of rules by their bits, and how a breach is shown, by signal."""

    spans: tuple[Step, ...]
    logs: tuple[Step, ...]
    series: tuple[Step, ...]
    breaches: tuple[str, ...]
    evidence: Mapping[str, str]


def compile_tagging(config: TaggingConfig) -> Tagging:
    """Return what the section does; it has been checked before."""
    rules = list(numbered(config))
    names = [one.rule.title for one in rules]

    def rows(signal: Signal) -> tuple[Step, ...]:
        subject, own = Rows(signal), [one for one in rules if one.is_about(signal)]
        of = {where: [one for one in own if one.where == where] for where in ("resource", "item")}
        actions = Actions(own, names, subject)
        resource = (
            *rename_resource(config.renames_of("resource")),
            *_judged(config, of["resource"], subject),
            *actions.resources(),
        )
        items = (*rename_attributes(config.renames_of("item")), *_judged(config, of["item"], subject), *actions.items())
        return (Step("tagging", items, resource, tuple(sentences(config, signal))),) if resource or items else ()

    series, own = Series(), [one for one in rules if one.is_about("metrics")]
    layers = (
        *rename_labels(config.all_renames()),
        *_judged(config, own, series),
        *Actions(own, names, series).series(),
    )
    return Tagging(
        rows("traces"),
        rows("logs"),
        (Step("tagging", layers, words=tuple(sentences(config, "metrics"))),) if layers else (),
        tuple(names),
        {signal: evidence(config, signal) for signal in SIGNALS},
    )


def _judged(config: TaggingConfig, rules: Sequence[Numbered], subject: Subject) -> tuple[Layer, ...]:
    """Return the layers that tell which rules a row breaks."""
    if not rules:
        return ()
    bits = " + ".join(f"toUInt64({breach(one, subject)}) * {1 << one.bit}" for one in rules)
    judged = {"breaches": f"bitOr(breaches, {bits})"}
    helpers: Layer = {}
    if any(one.rule.teams for one in rules):
        helpers[TEAM] = team(config, subject)
    if NAMES in bits:
        helpers[NAMES] = f"arrayStringConcat({subject.names('item')}, '\\n')"
    return (helpers, judged) if helpers else (judged,)
