"""From rows as receivers write them to rows that a policy has judged."""

from __future__ import annotations

from collections.abc import Sequence

from backbone.process.step import NOT_STORED, UNTOUCHED, Step, carried, govern_resources

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


def unpack(wire: str, columns: Sequence[str], steps: Sequence[Step] = ()) -> str:
    """
    Return the select of items with `GOVERNED`.

    Args:
        wire: the table of items as they came.
        columns: the names of what is kept of them.
        steps: what is done with resources, once for each and not once per item; with items it is not done here.
    """
    if not any(step.resource for step in steps):
        return f"SELECT {', '.join(columns)}, redactions, {UNTOUCHED} FROM {wire}"
    resources = (
        f"SELECT resource_number, {', '.join(_OF_RESOURCES)}, toUInt64(0) AS redactions, {UNTOUCHED} "
        f"FROM {wire} LIMIT 1 BY resource_number"
    )
    governed = govern_resources(resources, ["resource_number", *_OF_RESOURCES, *NOT_STORED.split(", ")], steps)
    judged = [name for name in NOT_STORED.split(", ") if name != "redactions"]
    theirs = [*_OF_RESOURCES, *judged, *carried(steps)]
    ours = [name for name in columns if name not in _OF_RESOURCES]
    return (
        f"SELECT {', '.join(f'item.{name} AS {name}' for name in [*ours, 'redactions'])}, "
        f"{', '.join(f'r.{name} AS {name}' for name in theirs)} "
        f"FROM {wire} AS item INNER JOIN ({governed}) AS r ON item.resource_number = r.resource_number"
    )
