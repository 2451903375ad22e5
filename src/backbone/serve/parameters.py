"""Parameters of our own API: declared once, for parsing and for the document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Self, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from backbone.model.errors import UserInputError


class Parameters(BaseModel):
    """Base of a request's parameters; a field's docstring is its description."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """
        Return the parameters given as text; those that are lists may be given many times.

        Raises:
            UserInputError: an unknown one, one given twice, or a value out of bounds; all of them at once.
        """
        values: dict[str, Any] = {}
        for name, text in pairs:
            field = cls.model_fields.get(name)
            if field is not None and get_origin(field.annotation) is tuple:
                values.setdefault(name, []).append(text)
            elif name in values:
                raise UserInputError(f"'{name}': given twice, once is accepted")
            else:
                values[name] = text
        return cls.from_values(values)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """
        Return the parameters of a JSON object.

        Raises:
            UserInputError: as `from_pairs`.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UserInputError("; ".join(cls._problems(error))) from error

    @classmethod
    def _problems(cls, error: ValidationError) -> Iterable[str]:
        for found in error.errors(include_url=False, include_context=False):
            name = ".".join(str(part) for part in found["loc"])
            match found["type"]:
                case "extra_forbidden":
                    near = get_close_matches(name, cls.model_fields, n=1)
                    hint = f"; did you mean '{near[0]}'?" if near else _accepted(cls.model_fields)
                    yield f"unknown parameter {name[:100]!r}{hint}"
                case "missing":
                    yield f"'{name}': required"
                case _:
                    message = found["msg"]
                    yield f"'{name}': {message[:1].lower()}{message[1:]}, got {str(found['input'])[:100]!r}"


def _accepted(names: Iterable[str]) -> str:
    return f"; accepted are {listed}" if (listed := ", ".join(names)) else "; none is accepted"
