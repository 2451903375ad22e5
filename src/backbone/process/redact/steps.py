"""Redaction as steps over the rows of each signal."""

from __future__ import annotations

from backbone.process.redact.places import BEGINS, CLEAN, NAMES, Many, One, Places
from backbone.process.redact.scrub import Scrubber
from backbone.process.step import Step

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
    return Step("redact", _layers(scrubber, SPANS))


def logs_step(scrubber: Scrubber) -> Step:
    return Step("redact", _layers(scrubber, LOGS, "body_kind"))


def exemplars_step(scrubber: Scrubber) -> Step:
    """Return the step over rows with ``tenant`` and ``labels``."""
    return Step("redact", _layers(scrubber, Places(attributes=(One("labels"),)), bits=False))


def series_step(scrubber: Scrubber) -> Step:
    """Return the step over rows with ``tenant``, ``label_names`` and ``label_values``."""
    back = {"label_names": f"mapKeys({_LABELS})", "label_values": f"mapValues({_LABELS})"}
    layers = _layers(scrubber, Places(attributes=(One(_LABELS),)))
    return Step("redact", ({_LABELS: "mapFromArrays(label_names, label_values)"}, *layers, back))


def text_scrubbed(scrubber: Scrubber, text: str) -> str:
    """Return the expression *text* with what the rules find replaced, where there is a column ``tenant``."""
    found = f"({scrubber.may_hold_words('z')} OR {scrubber.may_hold_numbers('z')})"
    none = "toUInt8(0)"
    clean = _scrubbed(scrubber, "z", none)
    if scrubber.drops:
        clean = f"arrayMap(y -> if({scrubber.is_gone('y')}, '', y), [{clean}])[1]"
    return f"arrayMap(z -> if({found}, {clean}, z), [toString({text})])[1]"


def _layers(scrubber: Scrubber, places: Places, *other_kinds: str, bits: bool = True) -> tuple[dict[str, str], ...]:
    restored = {
        column: f"if(redact_found, {back}, {column})" for column, back in places.restored(scrubber).items()
    }  # fmt: skip
    if bits:
        restored["redactions"] = f"if(redact_found, {scrubber.bits('redact_texts', CLEAN)}, toUInt64(0))"
    return (
        {"redact_text": places.looked_at(), "redact_names": places.all_names()},
        {
            "redact_found": (
                f"{scrubber.is_suspicious('redact_names')} OR {scrubber.may_hold_words('redact_text')} "
                f"OR {scrubber.may_hold_numbers('redact_text')} OR {places.has_bytes(other_kinds)}"
            )
        },
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
