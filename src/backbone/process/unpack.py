"""From rows as receivers write them to rows that a policy has judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backbone.process.step import (
    NOT_STORED,
    UNTOUCHED,
    Changes,
    Step,
    asked,
    carried,
    expressions,
    govern,
    govern_resources,
    names_of,
)
from backbone.process.view import Passage, Pipeline, View

_OF_RESOURCES = (
    "tenant",
    "received",
    "service",
    "resource",
    "resource_kinds",
    "resource_dropped_attributes",
    "resource_schema_url",
)
"""The columns that all items of a resource have in common."""
_GIVEN, _CHANGED = "resource_given", "resource_changed"


def unpack(wire: str, columns: Sequence[str], steps: Sequence[Step] = ()) -> str:
    """
    Return the select of items with `GOVERNED`.

    Args:
        wire: the table of items as they came.
        columns: the names of what is kept of them.
        steps: what is done with resources, once for each and not once per item; with items it is not done here.
    """
    if not any(step.resource for step in steps):
        return f"SELECT {', '.join([*columns, *asked(steps)])}, redactions, {UNTOUCHED} FROM {wire}"
    resources = (
        f"SELECT resource_number, {', '.join(_OF_RESOURCES)}, resource AS {_GIVEN}, toUInt64(0) AS redactions, "
        f"{UNTOUCHED} FROM {wire} LIMIT 1 BY resource_number"
    )
    names = ["resource_number", _GIVEN, *_OF_RESOURCES, *NOT_STORED.split(", ")]
    governed = govern_resources(resources, names, steps)
    changed = [name for name in _OF_RESOURCES if name in _set_by(steps)]
    resource = "item.resource"
    if "resource" in changed:
        # Most are as they were given; to copy those to each item, which has one, would be dear.
        changed.remove("resource")
        resource = f"if(r.{_CHANGED}, r.resource, item.resource)"
        told = f"SELECT *, resource != {_GIVEN} AS {_CHANGED} FROM ({governed})"
        governed = f"SELECT * REPLACE (mapFilter((k, v) -> {_CHANGED}, resource) AS resource) FROM ({told})"
    theirs = [*changed, *(name for name in NOT_STORED.split(", ") if name != "redactions"), *carried(steps)]
    ours = [name for name in [*columns, "redactions", *asked(steps)] if name not in {*changed, "resource"}]
    return (
        f"SELECT {', '.join(f'item.{name} AS {name}' for name in ours)}, {resource} AS resource, "
        f"{', '.join(f'r.{name} AS {name}' for name in theirs)} "
        f"FROM {wire} AS item ANY LEFT JOIN ({governed}) AS r ON item.resource_number = r.resource_number"
    )


def judging(name: str, rows: str, unpacked: str, steps: Sequence[Step]) -> Pipeline:
    """
    Return the way of items to the table ``<name>_in``.

    Args:
        name: of the items: ``spans``, ``logs``.
        rows: the columns of the table, those of `GOVERNED` among them, as for a table.
        unpacked: the select of items, see `unpack`.
        steps: what is done with them.
    """
    done = Passage(f"{name}_in", rows)
    steps, changes = _without_changes(steps)
    select = govern(unpacked, names_of(rows), steps)
    if changes is None:
        return Pipeline((done,), (View(f"{name}_unpack", done.name, select),))
    judged = done.renamed(f"{name}_judged")
    return Pipeline(
        (judged, done),
        (View(f"{name}_unpack", judged.name, select), View(f"{name}_change", done.name, changes.apart(judged.name))),
    )


def _without_changes(steps: Sequence[Step]) -> tuple[Sequence[Step], Changes | None]:
    """Return the steps without the changes that they end with, and these."""
    match steps:
        case [*before, Step(layers=(*layers, Changes() as changes)) as last]:
            return (*before, replace(last, layers=tuple(layers))), changes
        case _:
            return steps, None


def _set_by(steps: Sequence[Step]) -> set[str]:
    """Return the columns that layers of resources give other values."""
    names: set[str] = set()
    for layer in (layer for step in steps for layer in step.resource):
        names |= set(_OF_RESOURCES if isinstance(layer, str) else expressions(layer))
    return names
