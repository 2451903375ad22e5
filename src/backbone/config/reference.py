"""The reference page of ``backbone.yaml``, written from its sections."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from backbone.config.model import Config
from backbone.config.policy import PolicyConfig
from backbone.config.policy.patterns import Regex
from backbone.config.policy.redact import RuleName
from backbone.config.secret import Secret
from backbone.config.section import Within
from backbone.config.unions import kind_of, members
from backbone.config.units import Address, ByteSize, Duration
from backbone.config.wording import show

_KINDS: dict[object, str] = {
    bool: "true or false",
    RuleName: "name",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    Duration: "duration",
    ByteSize: "size",
    Address: "HOST:PORT",
    Secret: "secret",
    Regex: "regular expression",
}

_HEAD = """\
# `backbone.yaml`

Every option has a default, so a file holds only what differs. An option that does not exist is refused;
`backbone check backbone.yaml` tells every problem with its line and column, and `backbone config show` prints what is
in force. For editors there is a [JSON schema](backbone.schema.json), which `backbone config schema` prints too.

- A **duration** is written as Prometheus does, with its unit: `250ms`, `30s`, `1h30m`, `7d`, `1y` (365 days).
- A **size** is a number of bytes: `512`, `10MiB` (binary units), `1GB` (decimal units).
- Plain values mean what YAML 1.2 says: `true` and `false` are the only truth values, `no` is a text, `012` is twelve.
- A value may be `${env:NAME}`, `${env:NAME:-default}` or `${file:/path}`; `$$` is a dollar sign. It is read as
  the text that the option takes, or as a number or truth value where the option takes one and it stands without
  quotes. Inside `{}` and `[]` it needs quotes, as YAML has other uses for braces there.
"""


_POLICY_HEAD = """\
# `policy.yaml`

What happens to telemetry before it is stored, named by the option `policy.file` of `backbone.yaml`. Every option has a
default; `backbone policy check policy.yaml` tells every problem with its line and column, and `backbone policy explain`
prints the SQL that it becomes. Durations, sizes and references are written as in [`backbone.yaml`](config.md).
"""


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    kind: str
    bounds: str
    default: str
    description: str


def reference() -> str:
    """Return the page of ``backbone.yaml``, as Markdown."""
    return "\n".join([_HEAD, *_page(Config, "")])


def policy_reference() -> str:
    """Return the page of ``policy.yaml``, as Markdown."""
    return "\n".join([_POLICY_HEAD, *_page(PolicyConfig, "")])


def _page(section: type[BaseModel], trail: str) -> Iterator[str]:
    if trail:
        yield f"## `{trail}`\n\n{_one_line(inspect.getdoc(section) or '')}\n"
    if options := list(_options(section)):
        yield "| option | what it takes | default | |"
        yield "|---|---|---|---|"
        for option in options:
            takes = f"{option.kind}, {option.bounds}" if option.bounds else option.kind
            yield f"| `{option.name}` | {takes} | `{option.default}` | {option.description} |"
        yield ""
    for name, field in section.model_fields.items():
        trail_of_it = f"{trail}.{name}" if trail else name
        if inner := _section(field):
            yield from _page(inner, trail_of_it)
        else:
            yield from _several(field, trail_of_it)


def _several(field: FieldInfo, trail: str) -> Iterator[str]:
    """Yield the pages of the sections that the items of a list, or the values of a mapping, are."""
    kind = get_origin(field.annotation)
    if kind not in {tuple, dict}:
        return
    item, trail = (0, f"{trail}[]") if kind is tuple else (1, f"{trail}.NAME")
    found = members(get_args(field.annotation)[item])
    if len(found) == 1:
        yield from _page(found[0], trail)
    elif found and "[]" not in trail.removesuffix("[]"):
        # Sections of several kinds may hold others of the same kinds; those are told of once.
        for member in found:
            yield from _page(member, f"{trail}` of kind `{kind_of(member)}")


def _options(section: type[BaseModel]) -> Iterator[Option]:
    for name, field in section.model_fields.items():
        if not _section(field):
            bounds = "".join(str(item) for item in field.metadata if isinstance(item, Within))
            default = show(field.get_default(call_default_factory=True)).strip("'")
            default = "" if field.is_required() else default
            yield Option(name, _kind(field.annotation), bounds, default, _one_line(field.description or ""))


def _section(field: FieldInfo) -> type[BaseModel] | None:
    return _is_section(field.annotation)


def _is_section(annotation: object) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _kind(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if found := members(annotation):
        return "sections" if len(found) == 1 else "sections of several kinds"
    if origin in {UnionType, Union}:
        [given] = [member for member in arguments if member is not type(None)]
        return f"{_kind(given)}, or `null`"
    return _KINDS[annotation] if origin is None else _compound(origin, arguments)


def _compound(origin: object, arguments: tuple[object, ...]) -> str:
    if origin is Annotated:
        bounds = "".join(f", {item}" for item in arguments[1:] if isinstance(item, Within))
        return _kind(arguments[0]) + bounds
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in arguments)
    if origin is tuple:
        return f"list of {_kind(arguments[0])}"
    return f"mapping of names to {_kind(arguments[1])}"


def _one_line(text: str) -> str:
    return " ".join(text.replace("``", "`").split()).replace("|", r"\|")
