"""Values with units, as a user writes them: ``30s``, ``10MiB``, ``127.0.0.1:7070``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

_DURATION_UNITS_MS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_SIZE_UNITS = {
    "": 1,
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
    "KB": 10**3,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}
_SIZE = re.compile(r"(\d+)\s*([KkMGT]i?B|B|)")


class _Text:
    """A value that is written as text: parsed by `parse`, printed by `str`."""

    PATTERN: str

    @classmethod
    def parse(cls, text: str) -> Self:
        raise NotImplementedError

    @classmethod
    def _coerce(cls, value: Any) -> Self:
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls.parse(value)
        raise ValueError(cls._hint(value))

    @classmethod
    def _hint(cls, value: Any) -> str:
        return f"expected text, got {value!r}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._coerce, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": cls.PATTERN}


@dataclass(frozen=True, slots=True, order=True)
class Duration(_Text):
    """A length of time, as Prometheus writes it: ``1h30m``, ``250ms``; a year has 365 days."""

    milliseconds: int

    PATTERN = r"^(?=.)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$|^0$"

    @classmethod
    def parse(cls, text: str) -> Self:
        if text == "0":
            return cls(0)
        match = _DURATION.fullmatch(text)
        if not text or not match:
            raise ValueError(f"expected a duration like 30s, 1h30m or 7d, got '{text}'")
        factors = zip(match.groups(), _DURATION_UNITS_MS.values(), strict=True)
        return cls(sum(int(number) * factor for number, factor in factors if number))

    @classmethod
    def _hint(cls, value: Any) -> str:
        bare = isinstance(value, int | float) and not isinstance(value, bool)
        return f"expected a duration with its unit, got {value!r}" + (f"; did you mean '{value}s'?" if bare else "")

    @property
    def seconds(self) -> float:
        return self.milliseconds / 1000

    @property
    def nanoseconds(self) -> int:
        return self.milliseconds * 1_000_000

    def __str__(self) -> str:
        rest, parts = self.milliseconds, ""
        for unit, factor in _DURATION_UNITS_MS.items():
            number, rest = divmod(rest, factor)
            parts += f"{number}{unit}" if number else ""
        return parts or "0s"


@dataclass(frozen=True, slots=True, order=True)
class ByteSize(_Text):
    """A number of bytes: ``10MiB``, ``1GB``, ``512``."""

    bytes: int

    PATTERN = r"^\d+\s*([KkMGT]i?B|B)?$"

    @classmethod
    def parse(cls, text: str) -> Self:
        match = _SIZE.fullmatch(text.strip())
        if not match or match[2] == "kiB":
            raise ValueError(f"expected a size like 512, 10MiB or 1GB, got '{text}'")
        return cls(int(match[1]) * _SIZE_UNITS[match[2]])

    @classmethod
    def _coerce(cls, value: Any) -> Self:
        if isinstance(value, int) and not isinstance(value, bool):
            if value < 0:
                raise ValueError(f"expected a size, got {value}")
            return cls(value)
        return super(ByteSize, cls)._coerce(value)

    @classmethod
    def _hint(cls, value: Any) -> str:
        return f"expected a size like 10MiB, got {value!r}"

    def __str__(self) -> str:
        for unit in ("TiB", "GiB", "MiB", "KiB"):
            if self.bytes and self.bytes % _SIZE_UNITS[unit] == 0:
                return f"{self.bytes // _SIZE_UNITS[unit]}{unit}"
        return str(self.bytes)


@dataclass(frozen=True, slots=True)
class Address(_Text):
    """Where to listen or connect: ``HOST:PORT``, IPv6 hosts in brackets; port 0 lets the system choose."""

    host: str
    port: int

    PATTERN = r"^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$"

    @classmethod
    def parse(cls, text: str) -> Self:
        host, colon, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        if not colon or not host or (":" in host and not bracketed) or not (port.isascii() and port.isdigit()):
            raise ValueError(f"expected HOST:PORT like 127.0.0.1:7070 or [::1]:7070, got '{text}'")
        if int(port) > 0xFFFF:
            raise ValueError(f"expected a port from 0 to 65535, got '{text}'")
        return cls(host[1:-1] if bracketed else host, int(port))

    @classmethod
    def _hint(cls, value: Any) -> str:
        return f"expected HOST:PORT, got {value!r}"

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
