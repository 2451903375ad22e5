"""What every section of a configuration file is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from backbone.config.problems import Trail
from backbone.config.units import OptionError, TextValue
from backbone.model.errors import UserInputError


class Section(BaseModel):
    """A section of a file; the text below a field is its page in the reference, and unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )


@dataclass(frozen=True, slots=True)
class Within:
    """The bounds of an option, both included: numbers, or texts of the option's type."""

    low: str | int
    high: str | int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        low, high = (_bound(source, self.low), _bound(source, self.high))

        def check(value: Any) -> Any:
            if not low <= value <= high:
                raise OptionError(str(self), value)
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        written = handler(schema)
        if isinstance(self.low, int):
            return {**written, "minimum": self.low, "maximum": self.high}
        return {**written, "$comment": str(self)}

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


def _bound(source: Any, bound: str | int) -> Any:
    return source.parse(bound) if isinstance(bound, str) and issubclass(source, TextValue) else bound


@dataclass(frozen=True, slots=True)
class Clash:
    """
    Two options that are right alone and wrong together; told at the place of *option*.

    Each is named from the top of the file, with dots, or by its keys and list positions within the section that checks.
    """

    option: str | Trail
    other: str | Trail
    what: str


class ClashesError(UserInputError, ValueError):
    """Options that do not fit together; a ``ValueError`` too, so that pydantic collects it."""

    def __init__(self, clashes: Sequence[Clash]) -> None:
        super().__init__("\n".join(f"{clash.option}: {clash.what}" for clash in clashes))
        self.clashes = tuple(clashes)
