"""The JSON schemas of ``backbone.yaml`` and ``policy.yaml``, for editors that complete and check while one writes."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from backbone.config.model import Config
from backbone.config.section import Section
from backbone.config.units import TextValue

_REFERENCE = {"type": "string", "pattern": r"\$\{(env|file):[^}]+\}"}
_ANNOTATIONS = ("default", "description", "title", "$comment")


class _Generator(GenerateJsonSchema):
    """Writes defaults as a user would."""

    def encode_default(self, dft: Any) -> Any:
        return str(dft) if isinstance(dft, TextValue) else super().encode_default(dft)


def json_schema(model: type[Section] = Config, title: str = "backbone.yaml") -> dict[str, Any]:
    """Return a file's schema, draft 2020-12; every value that is no section may be a reference as well."""
    schema = model.model_json_schema(schema_generator=_Generator)
    sections: dict[str, Any] = schema["$defs"]
    for section in [schema, *sections.values()]:
        properties = section["properties"]
        section["properties"] = {name: _option(option) for name, option in properties.items()}
        section["description"] = " ".join(section["description"].split())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": title,
        "$defs": {**sections, "reference": _REFERENCE},
    }


def _option(option: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in option:
        return {"$ref": option["$ref"]}
    notes = {name: option[name] for name in _ANNOTATIONS if name in option and name != "title"}
    bounds = notes.pop("$comment", None)
    if bounds:
        notes["description"] = f"{notes['description']} From {bounds}."
    shape = {name: value for name, value in option.items() if name not in _ANNOTATIONS}
    shapes = shape["anyOf"] if set(shape) == {"anyOf"} else [shape]
    return {**notes, "anyOf": [*shapes, {"$ref": "#/$defs/reference"}]}
