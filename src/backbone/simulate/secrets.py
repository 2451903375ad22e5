"""Secrets and personal data that nobody has, by kind, each unlike the others: canaries for what has to be scrubbed."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_WORD = _LETTERS + _LETTERS.upper() + _DIGITS


@dataclass(frozen=True, slots=True)
class Canary:
    """A text that holds a secret, and the part of it that may be found nowhere."""

    kind: str
    text: str
    needle: str


def canaries(seed: int) -> Iterator[Canary]:
    """Yield canaries of every kind in turn, without end; the same seed makes the same."""
    chance = random.Random(seed)
    while True:
        for kind, make in _KINDS.items():
            text, needle = make(chance)
            yield Canary(kind, text, needle)


def _some(chance: random.Random, letters: str, count: int) -> str:
    return "".join(chance.choices(letters, k=count))


def _email(chance: random.Random) -> tuple[str, str]:
    name = f"{_some(chance, _LETTERS, 6)}.{_some(chance, _LETTERS, 6)}"
    return f"{name}@{_some(chance, _LETTERS, 5)}.example.com", name


def _luhn(digits: str) -> str:
    """Return the digits with their check digit."""
    total = sum(
        (2 * int(digit) - 9 * (int(digit) > 4)) if place % 2 == 0 else int(digit)
        for place, digit in enumerate(reversed(digits))
    )
    return f"{digits}{-total % 10}"


def _card(chance: random.Random) -> tuple[str, str]:
    number = _luhn("4" + _some(chance, _DIGITS, 14))
    separator = chance.choice(("", " ", "-"))
    shown = separator.join(number[at : at + 4] for at in range(0, 16, 4))
    return shown, shown


def _iban(chance: random.Random) -> tuple[str, str]:
    account = _some(chance, _DIGITS, 18)
    check = 98 - int(f"{account}131400") % 97
    number = f"DE{check:02}{account}"
    shown = number if chance.random() < 0.5 else " ".join(number[at : at + 4] for at in range(0, 22, 4))
    return shown, shown[4:]


def _phone(chance: random.Random) -> tuple[str, str]:
    number = _some(chance, "23456789", 9)
    shown = chance.choice(
        (f"+4915{number}", f"+49 15{number[:2]} {number[2:]}", f"+1 ({number[:3]}) 555-{number[3:7]}")
    )
    return shown, shown


def _national_id(chance: random.Random) -> tuple[str, str]:
    area, group, serial = chance.randint(100, 599), chance.randint(10, 99), chance.randint(1000, 9999)
    number = f"{area}-{group}-{serial}"
    return number, number


def _ipv4(chance: random.Random) -> tuple[str, str]:
    address = f"203.{chance.randint(100, 255)}.{chance.randint(100, 255)}.{chance.randint(100, 255)}"
    return address, address


def _ipv6(chance: random.Random) -> tuple[str, str]:
    groups = [_some(chance, "123456789abcdef", 4) for _ in range(3)]
    address = f"2a02:{groups[0]}:{groups[1]}::{groups[2]}"
    return address, address


def _mac(chance: random.Random) -> tuple[str, str]:
    address = ":".join(_some(chance, "123456789abcdef", 2) for _ in range(6))
    return address, address


def _jwt(chance: random.Random) -> tuple[str, str]:
    signature = _some(chance, _WORD, 24)
    return f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{_some(chance, _WORD, 12)}.{signature}", signature


def _bearer(chance: random.Random) -> tuple[str, str]:
    token = f"{_some(chance, _WORD, 20)}9"
    return f"Bearer {token}", token


def _basic(chance: random.Random) -> tuple[str, str]:
    encoded = b64encode(f"{_some(chance, _LETTERS, 9)}:{_some(chance, _WORD, 9)}".encode()).decode()
    return f"Basic {encoded}", encoded[:-4]


def _cloud_key(chance: random.Random) -> tuple[str, str]:
    key = chance.choice(
        (
            f"AKIA{_some(chance, _LETTERS.upper() + '234567', 16)}",
            f"ghp_{_some(chance, _WORD, 36)}",
            f"glpat-{_some(chance, _WORD, 20)}",
            f"sk_live_{_some(chance, _WORD, 24)}",
            f"xoxb-{_some(chance, _DIGITS, 12)}-{_some(chance, _WORD, 12)}",
        )
    )
    return key, key


def _private_key(chance: random.Random) -> tuple[str, str]:
    body = "\n".join(_some(chance, _WORD, 40) for _ in range(3))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----", body.split("\n")[1]


def _url_password(chance: random.Random) -> tuple[str, str]:
    word = _some(chance, _WORD, 12)
    return f"postgres://app:{word}@db.example.net:5432/orders", word


def _credential(chance: random.Random) -> tuple[str, str]:
    word = _some(chance, _WORD, 12)
    form = chance.choice(
        ("password={}", 'api_key: "{}"', '{{"client_secret":"{}"}}', "--token {} --verbose", "PASSWD='{}'")
    )
    return form.format(word), word


_KINDS: dict[str, Callable[[random.Random], tuple[str, str]]] = {
    "email": _email,
    "card": _card,
    "iban": _iban,
    "phone": _phone,
    "national_id": _national_id,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "mac": _mac,
    "jwt": _jwt,
    "bearer": _bearer,
    "basic": _basic,
    "cloud_key": _cloud_key,
    "private_key": _private_key,
    "url_password": _url_password,
    "credential": _credential,
}
