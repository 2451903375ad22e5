"""Texts read as numbers, durations, sizes and addresses, in SQL."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from backbone.query.conditions import Conditions
from backbone.query.logql.ast import Unit

_DURATION = r"^[+-]?([0-9]*\\.?[0-9]+(ns|us|µs|ms|s|m|h|d|w))+$"
_PART = r"([0-9]*\\.?[0-9]+)(ns|us|µs|ms|s|m|h|d|w)"
_SIZE = r"^\\s*([0-9]*\\.?[0-9]+)\\s*([kmgtpe]?i?b?)\\s*$"
_UNITS = "['ns', 'us', 'µs', 'ms', 's', 'm', 'h', 'd', 'w']"
_SECONDS = "[1e-9, 1e-6, 1e-6, 1e-3, 1., 60., 3600., 86400., 604800.]"
_SIZES = [
    *((f"{prefix}{end}", 1000.0**power) for power, prefix in enumerate(("", *"kmgtpe")) for end in ("", "b")),
    *((f"{prefix}i{end}", 1024.0**power) for power, prefix in enumerate("kmgtpe", 1) for end in ("", "b")),
]

_IPV4 = r"[0-9]{1,3}(?:\\.[0-9]{1,3}){3}"
_IPV6 = r"[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*"


def number_of(text: str, unit: Unit) -> str:
    """Return the SQL of a text as a number, of seconds or bytes where it has a unit; NULL where it is none."""
    match unit:
        case "number":
            return f"toFloat64OrNull({text})"
        case "duration":
            parts = f"extractAllGroupsVertical({text}, '{_PART}')"
            seconds = f"arraySum(p -> toFloat64OrZero(p[1]) * transform(p[2], {_UNITS}, {_SECONDS}, 0.), {parts})"
            return f"if(match({text}, '{_DURATION}'), if(startsWith({text}, '-'), -1, 1) * {seconds}, NULL)"
        case "bytes":
            groups = f"extractGroups(lower({text}), '{_SIZE}')"
            units = ", ".join(f"'{name}'" for name, _ in _SIZES)
            sizes = ", ".join(repr(size) for _, size in _SIZES)
            factor = f"transform({groups}[2], [{units}], [{sizes}], nan)"
            return f"if(empty({groups}) OR isNaN({factor}), NULL, toFloat64OrNull({groups}[1]) * {factor})"


def has_address(conditions: Conditions, text: str, wanted: str) -> str:
    """
    Return the SQL that tells whether a text has an address of a range in it.

    Raises:
        ValueError: *wanted* is no address, no CIDR and no range ``first-last``.
    """
    first, last = _address_range(wanted)
    if isinstance(first, IPv4Address):
        low, high = (conditions.bind("UInt32", int(one)) for one in (first, last))
        return (
            f"arrayExists(a -> ifNull(IPv4StringToNumOrNull(a) BETWEEN {low} AND {high}, 0), "
            f"extractAll({text}, '{_IPV4}'))"
        )
    low, high = (conditions.bind("String", one.packed.hex()) for one in (first, last))
    return (
        f"arrayExists(a -> ifNull(IPv6StringToNumOrNull(a) BETWEEN toFixedString(unhex({low}), 16) "
        f"AND toFixedString(unhex({high}), 16), 0), extractAll({text}, '{_IPV6}'))"
    )


def _address_range(text: str) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]:
    if "-" in text:
        first, last = (ip_address(part.strip()) for part in text.split("-", 1))
        if first.version != last.version:
            raise ValueError(f"{text!r} goes from one kind of address to another")
        return first, last
    network = ip_network(text, strict=False)
    return network[0], network[-1]
