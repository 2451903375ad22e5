"""External labels: what all series of a server are told apart by from other servers' series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from backbone.query.promql.labels import Labels, constant
from backbone.query.promql.source import Selection
from backbone.query.selectors import METRIC_LABEL, Matcher, compiled

_ANYTHING = Matcher(METRIC_LABEL, "!=", "")


def inner_matchers(matchers: Sequence[Matcher], external: Mapping[str, str]) -> tuple[Matcher, ...] | None:
    """
    Return what a server with these external labels has to match, None if none of its series can.

    A server does not know its own external labels, so matchers for them are answered here.
    """
    for matcher in matchers:
        if matcher.label in external and not _matches(matcher, external[matcher.label]):
            return None
    return tuple(matcher for matcher in matchers if matcher.label not in external) or (_ANYTHING,)


def inner_selection(wanted: Selection, external: Mapping[str, str]) -> Selection | None:
    """Return the selection as `inner_matchers` has it."""
    matchers = inner_matchers(wanted.matchers, external)
    return None if matchers is None else replace(wanted, matchers=matchers)


def with_external(labels: Labels, external: Mapping[str, str]) -> Labels:
    """Return the labels with the external ones, which stand over a series' own of that name."""
    for name, value in external.items():
        labels = labels.put(name, constant(labels.size, value))
    return labels


def are_apart(left: Mapping[str, str], right: Mapping[str, str], replica_labels: Iterable[str]) -> bool:
    """Tell whether two servers with these external labels can have no series in common."""
    common = left.keys() & right.keys() - set(replica_labels)
    return any(left[name] != right[name] for name in common)


def _matches(matcher: Matcher, value: str) -> bool:
    match matcher.operator:
        case "=":
            return matcher.value == value
        case "!=":
            return matcher.value != value
        case "=~":
            return compiled(matcher.value).fullmatch(value) is not None
        case "!~":
            return compiled(matcher.value).fullmatch(value) is None
