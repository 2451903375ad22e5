"""Old names of attributes become the ones that are used now."""

from __future__ import annotations

from collections.abc import Mapping

from backbone.model import semconv
from backbone.process.literals import listed, literal
from backbone.process.tag.subjects import label_of

Layer = dict[str, str]
_FIXED = {"job", "instance", "le", "quantile", "__name__"}
"""Labels that mean something to whoever reads series."""
_GIVEN, _NAMES = "tagging_given", "tagging_names"


def rename_resource(renames: Mapping[str, str]) -> tuple[Layer, ...]:
    """Return the layers that rename what a resource says; its service, if that is what it says."""
    layers = _rename_map("resource", "resource_kinds", renames)
    if semconv.SERVICE_NAME in renames.values():
        layers += ({"service": f"resource[{literal(semconv.SERVICE_NAME)}]"},)
    return layers


def rename_attributes(renames: Mapping[str, str]) -> tuple[Layer, ...]:
    """Return the layers that rename attributes of spans or log records."""
    return _rename_map("attributes", "attribute_kinds", renames)


def rename_labels(renames: Mapping[str, str]) -> tuple[Layer, ...]:
    """Return the layers that rename labels of series."""
    labels = {label_of(old): label_of(new) for old, new in renames.items()}
    labels = {old: new for old, new in labels.items() if old != new and old not in _FIXED and new not in _FIXED}
    if not labels:
        return ()
    return (
        {_GIVEN: f"arrayMap(k -> {_renamed('k', labels)}, label_names)"},
        {"label_names": _unless_there("label_names")},
    )


def _rename_map(column: str, kinds: str, renames: Mapping[str, str]) -> tuple[Layer, ...]:
    """
    Return the layers that rename the keys of a map, and the keys of its kinds.

    Keys are texts of a dictionary, so looking each up costs less than asking first whether one is there.
    """
    if not renames:
        return ()
    keys, quoted = f"mapKeys({column})", listed(f'"{old}"' for old in renames)
    texts = (
        f"arrayMap(p -> concat(toJSONString(if(has({_NAMES}, p.1), p.1, {_renamed('p.1', renames)})), "
        f"':\"', p.2, '\"'), JSONExtractKeysAndValues({kinds}, 'String'))"
    )
    return (
        {_GIVEN: f"arrayMap(k -> {_renamed('k', renames)}, {keys})"},
        {_NAMES: _unless_there(keys)},
        {
            column: f"mapFromArrays({_NAMES}, mapValues({column}))",
            kinds: f"if(multiSearchAny({kinds}, [{quoted}]), "
            f"concat('{{', arrayStringConcat({texts}, ','), '}}'), {kinds})",
        },
    )


def _renamed(name: str, renames: Mapping[str, str]) -> str:
    return f"transform({name}, [{listed(renames)}], [{listed(renames.values())}], {name})"


def _unless_there(keys: str) -> str:
    """Return the names as given, but for old ones whose new name is there already, or stands for one before them."""
    there = f"if(k = n, 0, if(has({keys}, n), 1, indexOf({_GIVEN}, n) < place))"
    careful = f"arrayMap((k, n, place) -> if({there}, k, n), {keys}, {_GIVEN}, arrayEnumerate({_GIVEN}))"
    return f"if(arrayUniq({_GIVEN}) < length({_GIVEN}), {careful}, {_GIVEN})"
