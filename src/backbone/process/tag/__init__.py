"""
The tagging standard as steps over rows: which rules a row breaks, then what becomes of it.

What a resource says is judged once, before its items are spread out. Names of attributes are texts of a dictionary, on
which the engine works once for a block of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from backbone.config.policy.sentences import renamed, sentences
from backbone.config.policy.tagging import SIGNALS, Signal, TaggingConfig
from backbone.model.renames import Renames
from backbone.process.step import NAMES, NAMES_OF_STORED, Changes, Step
from backbone.process.tag.actions import Actions
from backbone.process.tag.conditions import TEAM, breach, team
from backbone.process.tag.evidence import evidence
from backbone.process.tag.numbered import Numbered, numbered
from backbone.process.tag.renames import rename_attributes, rename_labels, rename_resource
from backbone.process.tag.subjects import Rows, Series, Subject

Layer = dict[str, str]


@dataclass(frozen=True, slots=True)
class Tagging:
    """
    The steps of each signal's rows, the names of rules by their bits, and how a breach is shown, by signal.

    What is renamed in spans and log records, and the same as steps for rows that nothing renamed when they came;
    labels of series are renamed by their own steps.
    """

    renames: Renames
    renaming: tuple[Step, ...]
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
        of_resource, of_item = ([one for one in own if one.where == where] for where in ("resource", "item"))
        actions = Actions(own, names, subject)
        resource = (*_teams(config, own, subject), *_judged(of_resource, subject), *actions.resources())
        items = (*_judged(of_item, subject), *actions.items())
        carried = (TEAM,) if any(one.rule.teams for one in of_item) else ()
        return _step(items, sentences(config, signal), resource, carried, asks_names=bool(of_item))

    series, own = Series(), [one for one in rules if one.is_about("metrics")]
    layers = (
        *rename_labels(config.all_renames()),
        *_teams(config, own, series),
        *_judged(own, series),
        *Actions(own, names, series).series(),
    )
    renames = Renames(config.renames_of("resource"), config.renames_of("item"))
    return Tagging(
        renames,
        _renaming(renames, renamed(config)),
        rows("traces"),
        rows("logs"),
        _step(layers, (*renamed(config), *sentences(config, "metrics"))),
        tuple(names),
        {signal: evidence(config, signal) for signal in SIGNALS},
    )


def _renaming(renames: Renames, words: Iterable[str]) -> tuple[Step, ...]:
    items, resource = rename_attributes(renames.items), rename_resource(renames.resources)
    if items:
        items += ({NAMES: NAMES_OF_STORED},)
    return (Step("rename", items, resource, words=tuple(words)),) if items or resource else ()


def _step(
    items: tuple[Layer | Changes, ...],
    words: Iterable[str],
    resource: tuple[Layer, ...] = (),
    carried: tuple[str, ...] = (),
    *,
    asks_names: bool = False,
) -> tuple[Step, ...]:
    if not (items or resource):
        return ()
    return (Step("tagging", items, resource, carried, tuple(words), asks_names),)


def _teams(config: TaggingConfig, rules: Sequence[Numbered], subject: Subject) -> tuple[Layer, ...]:
    return ({TEAM: team(config, subject)},) if any(one.rule.teams for one in rules) else ()


def _judged(rules: Sequence[Numbered], subject: Subject) -> tuple[Layer, ...]:
    """Return the layers that tell which rules a row breaks."""
    if not rules:
        return ()
    bits = " + ".join(f"toUInt64({breach(one, subject)}) * {1 << one.bit}" for one in rules)
    return ({"breaches": f"bitOr(breaches, {bits})"},)
