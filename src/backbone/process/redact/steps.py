"""Redaction as steps over the rows of each signal."""

from __future__ import annotations

from collections.abc import Sequence

from backbone.process.literals import any_of
from backbone.process.redact.places import BEGINS, CLEAN, NAMES, Many, One, Places
from backbone.process.redact.scrub import Scrubber
from backbone.process.step import Step

_RESOURCE = Places(texts=("service", "resource_schema_url"), attributes=(One("resource"),), names=("resource_kinds",))
"""What is looked at once for all items of a resource."""
_FOUND_IN_RESOURCE = "redact_resource"
_TEXTS = ("service", "resource_schema_url", "scope", "scope_version", "scope_schema_url")
_KINDS = ("attribute_kinds", "resource_kinds", "scope_kinds")
_ATTRIBUTES = (One("attributes"), One("resource"), One("scope_attributes"))

SPANS = Places(
    texts=("name", "status_message", "trace_state", *_TEXTS),
    attributes=(*_ATTRIBUTES, Many("`events.attributes`"), Many("`links.attributes`")),
    arrays=("`events.name`", "`links.trace_state`"),
    names=_KINDS,
    name_arrays=("`events.attribute_kinds`", "`links.attribute_kinds`"),
)
LOGS = Places(texts=("body", "severity_text", "event_name", *_TEXTS), attributes=_ATTRIBUTES, names=_KINDS)
_LABELS = "redact_labels"


def spans_step(scrubber: Scrubber) -> Step:
    return _step(scrubber, SPANS)


def logs_step(scrubber: Scrubber) -> Step:
    return _step(scrubber, LOGS, "body_kind")


def _step(scrubber: Scrubber, places: Places, *other_kinds: str) -> Step:
    """Return the step over items, whose resources were looked at before they were spread out."""
    found = _looks(scrubber, _RESOURCE, (), _FOUND_IN_RESOURCE)
    layers = _layers(scrubber, places, *other_kinds, of_resource=True)
    return Step("redact", layers, found, (_FOUND_IN_RESOURCE,), scrubber.plan.sentences)


def series_step(scrubber: Scrubber) -> Step:
    """Return the step over rows with ``tenant``, ``label_names`` and ``label_values``."""
    back = {"label_names": f"mapKeys({_LABELS})", "label_values": f"mapValues({_LABELS})"}
    layers = _layers(scrubber, Places(attributes=(One(_LABELS),)))
    arranged = {_LABELS: "mapFromArrays(label_names, label_values)"}
    return Step("redact", (arranged, *layers, back), words=scrubber.plan.sentences)


def _looks(scrubber: Scrubber, places: Places, other_kinds: Sequence[str], found: str) -> tuple[dict[str, str], ...]:
    """Return the layers after which the column *found* says whether anything may be in these places."""
    # Rows of one shape have the same names, which are looked at once for all of them.
    return (
        {"redact_text": places.looked_at(), "redact_names": f"toLowCardinality({places.all_names()})"},
        {
            found: any_of(
                [
                    scrubber.is_suspicious("redact_names"),
                    scrubber.may_hold_words("redact_text"),
                    scrubber.may_hold_numbers("redact_text"),
                    places.has_bytes(other_kinds),
                ]
            )
        },
    )


def _layers(
    scrubber: Scrubber, places: Places, *other_kinds: str, of_resource: bool = False
) -> tuple[dict[str, str], ...]:
    restored = {
        column: f"if(redact_found, {back}, {column})" for column, back in places.restored(scrubber).items()
    }  # fmt: skip
    restored["redactions"] = f"if(redact_found, {scrubber.bits('redact_texts', CLEAN)}, toUInt64(0))"
    looked_at = places.without(_RESOURCE) if of_resource else places
    found = {"redact_found": any_of([_FOUND_IN_RESOURCE, "redact_found"])} if of_resource else {}
    return (
        *_looks(scrubber, looked_at, other_kinds, "redact_found"),
        *filter(None, [found]),
        {NAMES: f"if(redact_found, {places.keys()}, [])"},
        {"redact_texts": f"if(redact_found, {places.gathered()}, [])"},
        {
            "redact_kinds": f"if(redact_found, {places.kinds(scrubber, 'redact_texts')}, [])",
            BEGINS: f"if(redact_found, {places.begins()}, [])",
        },
        {CLEAN: f"arrayMap((x, f) -> {_scrubbed(scrubber, 'x', 'f')}, redact_texts, redact_kinds)"},
        restored,
    )


def _scrubbed(scrubber: Scrubber, text: str, kind: str) -> str:
    return scrubber.numbers(scrubber.words(scrubber.first(text, kind), kind), kind)
