"""How SQL gets at what rules are about: maps of attributes in spans and log records, labels in series."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from backbone.config.policy.patterns import whole
from backbone.config.policy.tagging import BREACHES, AttributeRule, NamesRule, Signal, Where
from backbone.model import semconv
from backbone.process.literals import literal
from backbone.process.step import NAMES

TARGET = "target_info"
"""The series that holds what a resource says; see `backbone.process.metrics`."""

_TAG = BREACHES.replace(".", "\\.")
_OURS = ("job", "instance", "le", "quantile", "__.*", "otel_scope_.*", "backbone_policy_breaches")
"""Labels that are there whatever a sender says."""
_NO_LABEL = re.compile("[^a-zA-Z0-9_]")
_JOB = "label_values[indexOf(label_names, 'job')]"


class Subject(Protocol):
    """One signal's rows."""

    @property
    def signal(self) -> Signal: ...

    @property
    def service(self) -> str:
        """An expression of the service."""
        ...

    def value(self, where: Where, attribute: str) -> str:
        """Return the expression of an attribute's value, empty where it is not there."""
        ...

    def names(self, where: Where) -> str:
        """Return the expression of all attributes' names, an array."""
        ...

    def spoken_of(self, where: Where) -> str:
        """Return the condition of rows that a rule about *where* is about; empty if it is about all."""
        ...

    def listed(self, name: str, patterns: tuple[str, ...], *, ours: bool = False) -> str:
        """Return whether an attribute's name matches one of *patterns*, or is none of the sender's where *ours*."""
        ...

    def may_be_listed(self, rule: NamesRule) -> str:
        """Return a condition, cheap or empty, of all rows that have a name that a rule lists, and few others."""
        ...

    def may_be_there(self, rule: AttributeRule) -> str:
        """Return the same of the attribute that a rule is about."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """Spans or log records."""

    signal: Signal
    service: str = "service"

    def value(self, where: Where, attribute: str) -> str:
        return f"{_MAPS[where]}[{literal(attribute)}]"

    def names(self, where: Where) -> str:
        return f"mapKeys({_MAPS[where]})"

    def spoken_of(self, where: Where) -> str:  # noqa: ARG002 - every row has both
        return ""

    def listed(self, name: str, patterns: tuple[str, ...], *, ours: bool = False) -> str:
        meant = (*patterns, _TAG) if ours else patterns
        return f"match({name}, {literal(_any(meant))})"

    def may_be_listed(self, rule: NamesRule) -> str:
        # One match over all names of an item, a line each, costs a third of a match for each.
        if rule.where == "resource" or any(_OF_WHOLE_TEXT.search(pattern) for pattern in rule.names):
            return ""
        return f"match({NAMES}, {literal('(?m)' + _any(rule.names))})"

    def may_be_there(self, rule: AttributeRule) -> str:
        # To look an attribute up in a map, all its names are gone through.
        return "" if rule.where == "resource" else f"position({NAMES}, {literal(rule.attribute)}) > 0"


_OF_WHOLE_TEXT = re.compile(r"\\[Az]|\(\?[a-zA-Z]*-")
"""What means something else where a text has several lines."""
_MAPS: dict[Where, str] = {"resource": "resource", "item": "attributes"}


@dataclass(frozen=True, slots=True)
class Series:
    """Series: what a resource says stands in labels of ``target_info``."""

    signal: Signal = "metrics"

    @property
    def service(self) -> str:
        # Namespace and service stand in one label.
        return f"replaceRegexpOne({_JOB}, '^.*/', '')"

    def value(self, where: Where, attribute: str) -> str:
        if where == "resource" and attribute in _IDENTITY:
            return _IDENTITY[attribute]
        return f"label_values[indexOf(label_names, {literal(label_of(attribute))})]"

    def names(self, where: Where) -> str:  # noqa: ARG002 - the row is one or the other
        return "label_names"

    def spoken_of(self, where: Where) -> str:
        return f"metric {'=' if where == 'resource' else '!='} '{TARGET}'"

    def listed(self, name: str, patterns: tuple[str, ...], *, ours: bool = False) -> str:
        meant = tuple(labels_of(pattern) for pattern in patterns) + (_OURS if ours else ())
        return f"match({name}, {literal(_any(meant))})"

    def may_be_listed(self, rule: NamesRule) -> str:  # noqa: ARG002 - series are looked at once, when they are new
        return ""

    def may_be_there(self, rule: AttributeRule) -> str:  # noqa: ARG002
        return ""


_IDENTITY = {
    semconv.SERVICE_NAME: f"replaceRegexpOne({_JOB}, '^.*/', '')",
    semconv.SERVICE_NAMESPACE: f"if(position({_JOB}, '/') > 0, splitByChar('/', {_JOB})[1], '')",
    semconv.SERVICE_INSTANCE_ID: "label_values[indexOf(label_names, 'instance')]",
}


def label_of(attribute: str) -> str:
    """Return the label that an attribute becomes."""
    label = _NO_LABEL.sub("_", attribute)
    return f"key_{label}" if label[:1].isdigit() else label


def labels_of(pattern: str) -> str:
    r"""Return the pattern with ``\.`` for the ``_`` that stands in labels in place of a dot, too."""
    found, bracket, at = "", False, 0
    while at < len(pattern):
        piece = pattern[at : at + 2] if pattern[at] == "\\" else pattern[at]
        at += len(piece)
        if piece == "\\.":
            piece = "._" if bracket else "[._]"
        elif bracket:
            bracket = piece != "]"
        elif piece == "[":
            bracket = True
            # A bracket at the start of a class is one of its characters.
            first = re.match(r"\^?\]?", pattern[at:])
            piece += first[0] if first else ""
            at += len(piece) - 1
        found += piece
    return found


def _any(patterns: tuple[str, ...]) -> str:
    return whole("|".join(f"(?:{pattern})" for pattern in patterns))
