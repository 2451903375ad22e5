"""
The critical path of a trace: the spans, piece by piece, without which it would have ended sooner.

From a span's end back: what its last child to end did is on the path, then what the span did itself until the child
began, and so on. A child counts within the time of its parent only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData


@dataclass(frozen=True, slots=True)
class Node:
    """A span of a trace; ``parent_id`` is '' for none."""

    span_id: str
    parent_id: str
    service: str
    name: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A span's own share of the path."""

    node: Node
    start_ns: int
    end_ns: int


def nodes_of(data: TracesData) -> list[Node]:
    """Return a trace's spans."""
    found = []
    for resource_spans in data.resource_spans:
        attributes = resource_spans.resource.attributes
        service = next((one.value.string_value for one in attributes if one.key == "service.name"), "")
        found += [
            Node(
                span.span_id.hex(), span.parent_span_id.hex(), service, span.name, span.start_time_unix_nano,
                max(span.end_time_unix_nano, span.start_time_unix_nano),
            )
            for scope_spans in resource_spans.scope_spans
            for span in scope_spans.spans
        ]  # fmt: skip
    return found


def critical_path(nodes: Sequence[Node]) -> list[Segment]:
    """
    Return the path in order of time.

    It is that of the root which ends last; roots are spans whose parent is none or not there, and, in a circle of
    parents, the span that starts first.
    """
    children: dict[str, list[Node]] = {}
    ids = {node.span_id for node in nodes}
    for node in nodes:
        if node.parent_id in ids and node.parent_id != node.span_id:
            children.setdefault(node.parent_id, []).append(node)
    for own in children.values():
        own.sort(key=lambda node: (node.end_ns, node.start_ns))
    roots = [node for node in nodes if node.parent_id not in ids or node.parent_id == node.span_id]
    root = max(roots or nodes, key=lambda node: (node.end_ns, -node.start_ns), default=None)
    if root is None:
        return []
    return _walked(root, children)


@dataclass(slots=True)
class _Visit:
    """A span on the way back: its children that are not looked at yet, and up to when it is told."""

    node: Node
    waiting: list[Node]
    until_ns: int
    start_ns: int


def _walked(root: Node, children: dict[str, list[Node]]) -> list[Segment]:
    found: list[Segment] = []
    seen = {root.span_id}
    stack = [_Visit(root, list(children.get(root.span_id, ())), root.end_ns, root.start_ns)]
    while stack:
        visit = stack[-1]
        child = _next_child(visit, seen)
        if child is None:
            if visit.until_ns > visit.start_ns:
                found.append(Segment(visit.node, visit.start_ns, visit.until_ns))
            stack.pop()
            continue
        end, start = min(child.end_ns, visit.until_ns), max(child.start_ns, visit.start_ns)
        if visit.until_ns > end:
            found.append(Segment(visit.node, end, visit.until_ns))
        visit.until_ns = start
        seen.add(child.span_id)
        stack.append(_Visit(child, list(children.get(child.span_id, ())), end, start))
    return found[::-1]


def _next_child(visit: _Visit, seen: set[str]) -> Node | None:
    """Take the child that ends last of those that have a share of what is left of the span."""
    while visit.waiting:
        child = visit.waiting.pop()
        begins = max(child.start_ns, visit.start_ns)
        if child.span_id not in seen and begins < min(child.end_ns, visit.until_ns):
            return child
    return None


def total_ns(path: Iterable[Segment]) -> int:
    """Return how long a path is."""
    return sum(segment.end_ns - segment.start_ns for segment in path)
