"""Values with units, as a user writes them: ``30s``, ``10MiB``, ``127.0.0.1:7070``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from backbone.config.wording import did_you_mean, show
from backbone.model.errors import UserInputError
from backbone.model.tenant import TENANT_FORM, is_tenant
from backbone.model.time import MILLISECONDS_PER_SECOND, NANOSECONDS_PER_MILLISECOND

_DURATION_UNITS_MS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_WHOLE_UNITS = {"y", "w", "d"}
"""Printed only where nothing is left over: a writer of ``36h`` does not think of it as ``1d12h``."""
_NUMBER = "[0-9]{1,15}"
_DURATION = "".join(f"({_NUMBER}{unit})?" for unit in _DURATION_UNITS_MS)
_SIZE_UNITS = {
    "": 1,
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}
_SIZE = rf"({_NUMBER}) ?(|B|[KMGT]iB|[kKMGT]B)"
_HOST_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"({_HOST_LABEL}\.)*(?![0-9]+$){_HOST_LABEL}")


class OptionError(UserInputError, ValueError):
    """
    A value that an option does not take; a ``ValueError`` too, so that pydantic collects it.

    What is expected and what may have been meant stand apart from what was seen, which is not told of secrets.
    """

    def __init__(self, expected: str, seen: object, meant: str | None = None) -> None:
        super().__init__(f"expected {expected}, got {show(seen)}{did_you_mean(meant)}")
        self.expected = expected
        self.meant = meant


class TextValue:
    """A value that is written as text: read by `parse`, printed by `str`, and each undoes the other."""

    __slots__ = ()
    PATTERN: str
    """What the text looks like, for editors; `parse` may refuse more."""
    EXPECTED: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Return the value that *text* means.

        Raises:
            OptionError: it means none.
        """
        raise NotImplementedError

    @classmethod
    def from_bare(cls, value: object) -> Self:
        """Return what a value that is no text means; most types refuse all of them."""
        raise OptionError(cls.EXPECTED, value)

    @classmethod
    def _validate(cls, value: Any) -> Self:
        if isinstance(value, cls):
            return value
        return cls.parse(value) if isinstance(value, str) else cls.from_bare(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": cls.PATTERN}


@dataclass(frozen=True, slots=True, order=True)
class Duration(TextValue):
    """A length of time, as Prometheus writes it: ``1h30m``, ``250ms``; a year has 365 days."""

    milliseconds: int

    PATTERN = f"^(?=.){_DURATION}$"
    EXPECTED = "a duration like 30s, 1h30m or 7d"

    @classmethod
    def parse(cls, text: str) -> Self:
        match = re.fullmatch(_DURATION, text) if text else None
        if not match:
            raise OptionError(cls.EXPECTED, text, _meant_duration(text))
        parts = zip(match.groups(), _DURATION_UNITS_MS.items(), strict=True)
        return cls(sum(int(part.removesuffix(unit)) * factor for part, (unit, factor) in parts if part))

    @classmethod
    def from_bare(cls, value: object) -> Self:
        raise OptionError(cls.EXPECTED, value, _meant_duration(str(value)))

    @property
    def seconds(self) -> float:
        return self.milliseconds / MILLISECONDS_PER_SECOND

    @property
    def nanoseconds(self) -> int:
        return self.milliseconds * NANOSECONDS_PER_MILLISECOND

    def __str__(self) -> str:
        rest, text = self.milliseconds, ""
        for unit, factor in _DURATION_UNITS_MS.items():
            if unit == "w" or (unit in _WHOLE_UNITS and rest % factor):
                continue
            number, rest = divmod(rest, factor)
            text += f"{number}{unit}" if number else ""
        return text or "0s"


def _meant_duration(text: str) -> str | None:
    guess = f"{text}s" if text.isdecimal() else text.replace(" ", "").lower()
    return guess if guess and guess != text and re.fullmatch(_DURATION, guess) else None


@dataclass(frozen=True, slots=True, order=True)
class ByteSize(TextValue):
    """A number of bytes: ``10MiB``, ``1GB``, ``512``."""

    bytes: int

    PATTERN = f"^{_SIZE}$"
    EXPECTED = "a size like 512, 10MiB or 1GB"

    @classmethod
    def parse(cls, text: str) -> Self:
        match = re.fullmatch(_SIZE, text)
        if not match:
            raise OptionError(cls.EXPECTED, text, _meant_size(text))
        return cls(int(match[1]) * _SIZE_UNITS[match[2]])

    @classmethod
    def from_bare(cls, value: object) -> Self:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise OptionError(cls.EXPECTED, value)
        return cls(value)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "pattern": cls.PATTERN}, {"type": "integer", "minimum": 0}]}

    def __str__(self) -> str:
        exact = {unit: factor for unit, factor in _SIZE_UNITS.items() if self.bytes % factor == 0 and self.bytes}
        unit = max(exact, key=lambda unit: exact[unit], default="")
        return f"{self.bytes // _SIZE_UNITS[unit]}{'' if unit == 'B' else unit}"


def _meant_size(text: str) -> str | None:
    match = re.fullmatch(rf"({_NUMBER})\s*([A-Za-z]+)", text)
    if not match:
        return None
    units = {unit.lower(): unit for unit in _SIZE_UNITS} | {letter: f"{letter.upper()}iB" for letter in "kmgt"}
    unit = units.get(match[2].lower())
    return f"{match[1]}{unit}" if unit else None


@dataclass(frozen=True, slots=True)
class Address(TextValue):
    """Where to listen or connect: ``HOST:PORT``, IPv6 hosts in brackets; port 0 lets the system choose."""

    host: str
    port: int

    PATTERN = r"^(\[[0-9a-fA-F:.%a-z]+\]|[^:\s]+):[0-9]{1,5}$"
    EXPECTED = "HOST:PORT like 127.0.0.1:7070 or [::1]:7070"

    @classmethod
    def parse(cls, text: str) -> Self:
        match = re.fullmatch(r"(?:\[([^][]*:[^][]*)\]|([^:]+)):([0-9]{1,5})", text)
        if not match or not _is_host(match[1] or match[2]):
            raise OptionError(cls.EXPECTED, text, _meant_address(text))
        if int(match[3]) > 0xFFFF:
            raise OptionError("a port from 0 to 65535", text)
        return cls(match[1] or match[2], int(match[3]))

    @classmethod
    def from_bare(cls, value: object) -> Self:
        raise OptionError(cls.EXPECTED, value, _meant_address(str(value)))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; names but ``localhost`` are not looked up and count as public."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _HOST.fullmatch(host) is not None and len(host) <= 253
    return True


def _meant_address(text: str) -> str | None:
    port = text.removeprefix("*").removeprefix(":")
    if port.isdecimal() and port.isascii() and int(port[:6]) <= 0xFFFF:
        return f"127.0.0.1:{port}"
    host, _, port = text.rpartition(":")
    return f"[{host}]:{port}" if ":" in host and _is_host(host) and port.isdecimal() else None


def tenant_name(name: str) -> str:
    """Return a tenant's name; raises `OptionError` where it is none."""
    if not is_tenant(name):
        raise OptionError(TENANT_FORM, name)
    return name
