"""
Policy as steps over rows: each gives columns other values, and may work something out first that it alone needs.

A step is text of SQL and nothing else, so that whoever wants to know what will happen to his data can read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backbone.store.wire.columns import declared

JUDGED = """
    breaches UInt64,
    dropped LowCardinality(String),
    refused LowCardinality(String)
"""
GOVERNED = f"redactions UInt64, {JUDGED}"
"""
What steps say of a row: a bit for each rule of tagging that it breaks and for each rule of redaction that found
something, in the order of the policy's rules; why it is left out, without or with word to its sender.
"""

UNTOUCHED = "toUInt64(0) AS breaches, toLowCardinality('') AS dropped, toLowCardinality('') AS refused"
UNGOVERNED = f"toUInt64(0) AS redactions, {UNTOUCHED}"
"""`GOVERNED` of a row that no step has seen."""

NAMES = "attribute_names"
"""The column that receivers write of the names of an item's attributes, for layers that ask for it."""
NAMES_OF_STORED = "toLowCardinality(arrayStringConcat(mapKeys(attributes), '\\n'))"
"""The same of rows that are stored, as an expression."""

NOT_STORED = "breaches, redactions, dropped, refused"
KEPT = "dropped = '' AND refused = ''"


@dataclass(frozen=True, slots=True)
class Changes:
    """
    Columns and what they become in rows that meet a condition; in most blocks no row does.

    To choose between two maps the engine writes both out, names and all, which takes longer than all else that is done
    with a row. So rows that are changed are best parted from those that are not.
    """

    condition: str
    columns: Mapping[str, str]

    def of_all(self) -> Mapping[str, str]:
        """Return expressions over all rows."""
        return {name: f"if({self.condition}, {changed}, {name})" for name, changed in self.columns.items()}

    def apart(self, table: str) -> str:
        """Return the select of a table's rows, in which those that stay as they are are not copied."""
        changed = ", ".join(f"{expression} AS {name}" for name, expression in self.columns.items())
        return (
            f"SELECT * FROM (SELECT * FROM {table} WHERE NOT ({self.condition}) "
            f"UNION ALL SELECT * REPLACE ({changed}) FROM {table} WHERE {self.condition})"
        )


Layer = Mapping[str, str] | Changes | str
"""
Columns and their expressions over the rows as the layer before left them: a column that rows have already gets another
value, any other is for the layers that follow. Or a whole select of ``{rows}``, which keeps their columns.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """
    One policy's work on rows; a column is computed once, however often a later layer names it.

    Layers of ``resource`` see what is the same for all items of a resource, its columns and `GOVERNED`, before the
    items are spread out: what they do is done once for each resource. All steps' come before any layer of items.
    """

    name: str
    layers: tuple[Layer, ...]
    resource: tuple[Layer, ...] = ()
    carried: tuple[str, ...] = ()
    """Columns of the layers of resources that the layers of items name."""
    words: tuple[str, ...] = ()
    """What is done, as sentences for people."""
    asks_names: bool = False
    """Whether the layers of items name `NAMES`."""


def govern(select: str, columns: Sequence[str], steps: Sequence[Step]) -> str:
    """
    Return the select with all steps applied, one after the other.

    Args:
        select: a select of all *columns*.
        columns: names as they stand in SQL, those of `GOVERNED` among them.
        steps: what is done, in order; the select has `NAMES`, too, if one of them asks for it.
    """
    for number, step in enumerate(steps):
        if not (step.layers or step.carried):
            continue
        # What only this step needed ends with it.
        given, left = ([*columns, *_besides(steps[first:])] for first in (number, number + 1))
        select = _applied(select, given, step.layers, left)
    return select


def govern_resources(select: str, columns: Sequence[str], steps: Sequence[Step]) -> str:
    """Return the select, of a row for each resource, with the layers of resources applied, and what these carry."""
    for number, step in enumerate(steps):
        if not step.resource:
            continue
        given, left = ([*columns, *carried(steps[:end])] for end in (number, number + 1))
        select = _applied(select, given, step.resource, left)
    return select


def asked(steps: Sequence[Step]) -> list[str]:
    """Return `NAMES` if one of the steps asks for it."""
    return [NAMES] if any(step.asks_names for step in steps) else []


def _besides(steps: Sequence[Step]) -> list[str]:
    return [*carried(steps), *asked(steps)]


def carried(steps: Sequence[Step]) -> list[str]:
    """Return the columns that resources have for the layers of items."""
    return [name for step in steps for name in step.carried]


def _applied(select: str, given: Sequence[str], layers: Sequence[Layer], left: Sequence[str]) -> str:
    """Return the select, of the columns *given*, with the layers applied, of which those are *left*."""
    there = set(given)
    for number, layer in enumerate(layers, 1):
        if isinstance(layer, str):
            select = layer.replace("{rows}", select)
            continue
        changed = expressions(layer)
        if number == len(layers) and _are_apart(changed):
            # Each select over another costs a millisecond or two whenever it is planned, so the last one is this one.
            return f"SELECT {', '.join(_as(name, changed) for name in left)} FROM ({select})"
        select = _layer(select, there, changed)
        there |= set(changed)
    return f"SELECT {', '.join(left)} FROM ({select})"


def _are_apart(changed: Mapping[str, str]) -> bool:
    """Return whether no expression names a column that another one changes, of which it would see the new value."""
    return not any(name in text for name in changed for other, text in changed.items() if other != name)


def _as(name: str, changed: Mapping[str, str]) -> str:
    return f"{changed[name]} AS {name}" if name in changed else name


def _layer(select: str, there: set[str], layer: Mapping[str, str]) -> str:
    replaced = ", ".join(_as(name, layer) for name in layer if name in there)
    added = "".join(f", {_as(name, layer)}" for name in layer if name not in there)
    return f"SELECT *{f' REPLACE ({replaced})' if replaced else ''}{added} FROM ({select})"


def expressions(layer: Mapping[str, str] | Changes) -> Mapping[str, str]:
    """Return the columns of a layer and their expressions over all rows."""
    return layer.of_all() if isinstance(layer, Changes) else layer


def names_of(columns: str) -> list[str]:
    """Return the names of columns declared as for a table, as they stand in SQL: ```events.name```."""
    return [f"`{name}`" if "." in name else name for name in declared(columns)]
