"""
The labels that a record has before any stage: as Loki makes them of OpenTelemetry's records.

A label's name is that of an attribute with every character but ASCII letters and digits replaced by ``_``. Some
resource attributes tell streams apart; all others, and what else is known of a record, are structured metadata.
Source: Grafana Loki 3, "Ingesting logs to Loki using OpenTelemetry Collector", format considerations.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from backbone.query.conditions import Conditions

STREAM_ATTRIBUTES: Final = (
    "service.name", "service.namespace", "service.instance.id", "deployment.environment",
    "deployment.environment.name", "cloud.region", "cloud.availability_zone", "k8s.cluster.name", "k8s.namespace.name",
    "k8s.pod.name", "k8s.container.name", "container.name", "k8s.replicaset.name", "k8s.deployment.name",
    "k8s.statefulset.name", "k8s.daemonset.name", "k8s.cronjob.name", "k8s.job.name",
)  # fmt: skip
"""Resource attributes that make a stream. Source: Loki 3, ``default_resource_attributes_as_index_labels``."""
STREAM_LABELS: Final = {re.sub(r"\W", "_", name): name for name in STREAM_ATTRIBUTES}

SERVICE_LABEL: Final = "service_name"
UNKNOWN_SERVICE: Final = "unknown_service"
"""The service of records that name none."""

_TRACE_ID = re.compile("[0-9a-f]{32}")

LEVEL: Final = (
    "multiIf(severity = 0, if(severity_text = '', 'unknown', lower(severity_text)), severity < 5, 'trace', "
    "severity < 9, 'debug', severity < 13, 'info', severity < 17, 'warn', severity < 21, 'error', 'fatal')"
)
"""``detected_level`` in SQL."""

_KNOWN: Final = {
    "detected_level": LEVEL,
    "severity_text": "toString(severity_text)",
    "severity_number": "if(severity = 0, '', toString(severity))",
    "trace_id": "if(trace_id = toFixedString('', 16), '', lower(hex(trace_id)))",
    "span_id": "if(span_id = toFixedString('', 8), '', lower(hex(span_id)))",
    "scope_name": "toString(scope)",
    "scope_version": "toString(scope_version)",
    "event_name": "toString(event_name)",
}


KNOWN_LABELS: Final = frozenset(_KNOWN)
"""Labels of what every record has beside attributes."""


def stream_map(conditions: Conditions) -> str:
    """Return the SQL of a record's stream labels: a map of texts."""
    stream = conditions.bind("Array(String)", STREAM_ATTRIBUTES)
    own = f"mapFilter((k, v) -> has({stream}, k), resource)"
    named = f"map('{SERVICE_LABEL}', if(service = '', '{UNKNOWN_SERVICE}', toString(service)))"
    return f"mapUpdate({_normal(own)}, {named})"


def whole_map(conditions: Conditions) -> str:
    """Return the SQL of all labels of a record; of those with one name the one that `label_text` finds is last."""
    known = ", ".join(f"'{name}', {sql}" for name, sql in _KNOWN.items())
    maps = (_normal("resource"), _normal("attributes"), f"map({known})", stream_map(conditions))
    sql = maps[0]
    for one in maps[1:]:
        sql = f"mapUpdate({sql}, mapFilter((k, v) -> v != '', {one}))"
    return sql


def _normal(attributes: str) -> str:
    return (
        f"mapApply((k, v) -> (replaceRegexpAll(toString(k), '[^a-zA-Z0-9]', '_'), v), "
        f"CAST({attributes}, 'Map(String, String)'))"
    )


def label_text(conditions: Conditions, name: str, column: str = "") -> str:
    """
    Return the SQL of a label's text, '' where the record has none of that name.

    Args:
        column: a column that has the text, of a label that is an attribute's.
    """
    if column:
        return column
    if name == SERVICE_LABEL:
        return f"if(service = '', '{UNKNOWN_SERVICE}', toString(service))"
    if name in STREAM_LABELS:
        key = conditions.bind("String", STREAM_LABELS[name])
        own = f"resource[{key}]"
        return f"if({own} != '', {own}, {_found(conditions, name)})"
    if name in _KNOWN:
        return f"if({_KNOWN[name]} != '', {_KNOWN[name]}, {_found(conditions, name)})"
    return _found(conditions, name)


def looked_up(conditions: Conditions, name: str, value: str) -> str:
    """
    Return a condition that an index answers, met by all records whose label has this text; '' where there is none.
    """
    if not value or name in STREAM_LABELS:
        return ""
    if name == "trace_id" and _TRACE_ID.fullmatch(value):
        return f"trace_id = toFixedString(unhex({conditions.bind('String', value)}), 16)"
    return "" if name in _KNOWN else has_value(conditions, value)


def has_value(conditions: Conditions, value: str) -> str:
    """Return the SQL of whether any attribute of a record, or of its resource, has this text, as the index has it."""
    text = conditions.bind("String", value)
    return f"(has(mapValues(attributes), {text}) OR has(mapValues(resource), {text}))"


def by_index(condition: str) -> str:
    """Return the SQL that passes over what an index says does not meet a condition, and asks it of no row."""
    return f"indexHint({condition})"


def _found(conditions: Conditions, name: str) -> str:
    return attribute_text(name, lambda text: conditions.bind("String", text))


def attribute_text(name: str, printed: Callable[[str], str]) -> str:
    """
    Return the SQL that looks an attribute up by its label, the record's own before its resource's.

    Args:
        printed: what prints a text.
    """
    own, shared = (_value(column, name, printed) for column in ("attributes", "resource"))
    return f"if({own} != '', {own}, {shared})"


def _value(column: str, name: str, printed: Callable[[str], str]) -> str:
    if "_" not in name:
        return f"{column}[{printed(name)}]"
    # The keys are few words used over and over, which the engine matches once each.
    pattern = printed(f"^{name.replace('_', '[^a-zA-Z0-9]')}$")
    return f"{column}[arrayFirst(k -> match(k, {pattern}), mapKeys({column}))]"
