"""Two traces side by side: which spans took longer, and which are in one of them only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from backbone.query.critical_path import Node

Path = tuple[tuple[str, str, int], ...]
"""From the root: service, name, and which of the same name under one parent it is, in order of time."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A place in the tree of calls; durations in nanoseconds, None where a trace has no span there."""

    path: Path
    left_ns: int | None
    right_ns: int | None

    @property
    def difference_ns(self) -> int:
        """How much longer the right one is; a span that is not there takes no time."""
        return (self.right_ns or 0) - (self.left_ns or 0)


def compare_traces(left: Sequence[Node], right: Sequence[Node]) -> list[Pair]:
    """Return every place of either trace, the largest difference first."""
    ours, theirs = _by_path(left), _by_path(right)
    pairs = [Pair(path, ours.get(path), theirs.get(path)) for path in ours.keys() | theirs.keys()]
    return sorted(pairs, key=lambda pair: (-abs(pair.difference_ns), pair.path))


def _by_path(nodes: Sequence[Node]) -> dict[Path, int]:
    ordered = sorted(nodes, key=lambda node: (node.start_ns, -node.end_ns, node.span_id))
    by_id = {node.span_id: node for node in ordered}
    counts: Counter[tuple[str, str, str]] = Counter()
    steps: dict[str, tuple[str, str, int]] = {}
    for node in ordered:
        key = (node.parent_id if node.parent_id in by_id else "", node.service, node.name)
        steps[node.span_id] = (node.service, node.name, counts[key])
        counts[key] += 1
    return {_path(node, by_id, steps): node.end_ns - node.start_ns for node in ordered}


def _path(node: Node, by_id: dict[str, Node], steps: dict[str, tuple[str, str, int]]) -> Path:
    path = []
    seen: set[str] = set()
    current: Node | None = node
    while current is not None and current.span_id not in seen:
        seen.add(current.span_id)
        path.append(steps[current.span_id])
        current = by_id.get(current.parent_id)
    return tuple(reversed(path))
