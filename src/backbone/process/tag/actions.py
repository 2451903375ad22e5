"""What becomes of rows that break rules, beyond being counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backbone.config.policy.tagging import BREACHES, Action, AttributeRule, MetricRule, NamesRule, Where
from backbone.model.errors import BackboneBug
from backbone.process.literals import all_of, any_of, listed, literal
from backbone.process.step import Changes
from backbone.process.tag.conditions import named
from backbone.process.tag.numbered import Numbered
from backbone.process.tag.subjects import TARGET, Subject, label_of

Layer = dict[str, str]
_LABEL = label_of(BREACHES)


class Actions:
    """The expressions over rows of one signal whose ``breaches`` are known."""

    def __init__(self, rules: Sequence[Numbered], names: Sequence[str], subject: Subject) -> None:
        self._rules, self._subject = rules, subject
        self._names = f"[{listed(names)}]"

    def resources(self) -> tuple[Layer, ...]:
        """Return the layers over resources of spans or log records."""
        removed = self._removed("resource")
        if not removed:
            return ()
        kept = f"mapFilter((k, v) -> NOT ({removed}), resource)"
        return ({"resource": f"if({self._any('remove', 'resource')}, {kept}, resource)"},)

    def items(self) -> tuple[Layer | Changes, ...]:
        """Return the layers over spans or log records, what changes attributes last."""
        changes = "attributes"
        if removed := self._removed("item"):
            changes = f"mapFilter((k, v) -> NOT ({removed}), {changes})"
        if self._mask("tag"):
            said = f"mapFromArrays([toLowCardinality({literal(BREACHES)})], [{self._said('tag')}])"
            tagged = f"if({self._any('tag')}, {said}, mapFromArrays([toLowCardinality('')], ['']))"
            changes = f"mapFilter((k, v) -> k != '', mapUpdate({changes}, {tagged}))"
        mask = self._mask("remove", "item") | self._mask("tag")
        ends = self._ends()
        return (*ends, Changes(_broken(mask), {"attributes": changes})) if mask else ends

    def series(self) -> tuple[Layer, ...]:
        """Return the layers over series; what a resource says is not worth the series that says it."""
        layer: Layer = {}
        if removed := self._removed(None):
            kept = f"arrayMap(k -> NOT ({removed}), label_names)"
            layer["label_names"] = (
                f"if({self._any('remove')}, arrayFilter((k, x) -> x, label_names, {kept}), label_names)"
            )
            layer["label_values"] = (
                f"if({self._any('remove')}, arrayFilter((v, x) -> x, label_values, {kept}), label_values)"
            )
        layers: tuple[Layer, ...] = (layer,) if layer else ()
        if self._mask("tag"):
            layers += (
                {
                    "label_names": f"if({self._any('tag')}, arrayPushBack(label_names, '{_LABEL}'), label_names)",
                    "label_values": f"if({self._any('tag')}, arrayPushBack(label_values, {self._said('tag')}), "
                    "label_values)",
                },
            )
        return layers + self._ends(f"metric != '{TARGET}'")

    def _ends(self, condition: str = "") -> tuple[Layer, ...]:
        """Return the layer that tells which rows are left out, of those that meet a condition; none if none may be."""
        layer: Layer = {}
        ends: tuple[tuple[Action, str], ...] = (("drop", "dropped"), ("refuse", "refused"))
        for action, column in ends:
            if mask := self._mask(action):
                first = f"{self._names}[bitPositionsToArray(bitAnd(breaches, {mask}))[1] + 1]"
                ends_here = all_of([self._any(action), condition, f"{column} = ''"])
                layer[column] = f"if({ends_here}, concat('policy:', {first}), {column})"
        return (layer,) if layer else ()

    def _mask(self, action: Action, where: Where | None = None) -> int:
        return sum(1 << one.bit for one in self._chosen(action, where))

    def _chosen(self, action: Action, where: Where | None) -> Iterator[Numbered]:
        return (one for one in self._rules if one.rule.on_breach == action and where in {None, one.where})

    def _any(self, action: Action, where: Where | None = None) -> str:
        return _broken(self._mask(action, where))

    def _said(self, action: Action) -> str:
        bits = f"bitPositionsToArray(bitAnd(breaches, {self._mask(action)}))"
        return f"arrayStringConcat(arrayMap(b -> {self._names}[b + 1], {bits}), ',')"

    def _removed(self, where: Where | None) -> str:
        """Return the condition over a name, ``k``, of attributes that are taken away; empty where none are."""
        chosen = [all_of([f"bitTest(breaches, {one.bit})", self._wrong(one)]) for one in self._chosen("remove", where)]
        return any_of(chosen) if chosen else ""

    def _wrong(self, one: Numbered) -> str:
        match one.rule:
            case NamesRule() as rule:
                return named(one, rule, self._subject)
            case AttributeRule(attribute=attribute):
                name = label_of(attribute) if self._subject.signal == "metrics" else attribute
                return f"k = {literal(name)}"
            case MetricRule():
                raise BackboneBug("a metric's name is not removed")


def _broken(mask: int) -> str:
    """Return the condition of rows that break one of the rules whose bits are set."""
    return f"bitAnd(breaches, {mask}) != 0"
