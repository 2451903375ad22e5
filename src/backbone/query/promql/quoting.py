r"""
Strings as Go writes and reads them: ``"a\n"``, ``'a'``, `` `raw` ``.

Bytes that are not UTF-8 (``"\xff"``) are kept as Python keeps them in file names, by ``surrogateescape``.
Source: the Go specification, "String literals", and its package strconv.
"""

from __future__ import annotations

import re

_NAMED = {7: r"\a", 8: r"\b", 12: r"\f", 10: r"\n", 13: r"\r", 9: r"\t", 11: r"\v", 92: r"\\"}
_SIMPLE = {text[1]: code for code, text in _NAMED.items()}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.)|$)", re.DOTALL)


class EscapeError(ValueError):
    """An escape that is none."""


def quote(text: str, mark: str = '"') -> str:
    """Return the text in quotes, with escapes for what is not printable."""
    if text.isprintable() and mark not in text and "\\" not in text:
        return f"{mark}{text}{mark}"
    return mark + "".join(_escaped(character, mark) for character in text) + mark


def _escaped(character: str, mark: str) -> str:
    code = ord(character)
    if character == mark:
        return "\\" + mark
    if code in _NAMED:
        return _NAMED[code]
    if character.isprintable():
        return character
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unescape(inside: str, mark: str) -> str:
    r"""
    Return what the inside of a string in ``"`` or ``'`` means.

    Raises:
        EscapeError: an escape is unknown, cut short or no character.
    """
    if "\\" not in inside:
        return inside
    parts, done = [], 0
    for found in _ESCAPE.finditer(inside):
        parts += [inside[done : found.start()].encode("utf-8", "surrogatepass"), _bytes(found, mark)]
        done = found.end()
    parts.append(inside[done:].encode("utf-8", "surrogatepass"))
    return b"".join(parts).decode("utf-8", "surrogateescape")


def _bytes(found: re.Match[str], mark: str) -> bytes:
    byte, short, long, octal, simple = found.groups()
    if simple == mark:
        return mark.encode()
    if simple in _SIMPLE:
        return bytes([_SIMPLE[simple]])
    if byte:
        return bytes([int(byte, 16)])
    if octal and int(octal, 8) < 256:
        return bytes([int(octal, 8)])
    point = int(short or long or "-1", 16)
    if 0 <= point < 0x110000 and not 0xD800 <= point < 0xE000:
        return chr(point).encode()
    raise EscapeError(_complaint(found, mark))


def _complaint(found: re.Match[str], mark: str) -> str:
    simple = found[5]
    if not simple:
        return (
            "escape sequence is an invalid Unicode code point"
            if len(found[0]) > 1
            else "escape sequence not terminated"
        )
    if simple not in "xuU01234567":
        return f"unknown escape sequence {_shown(simple)}"
    digits = "01234567" if simple.isdigit() else "0123456789abcdefABCDEF"
    rest = found.string[found.start() + 2 :].lstrip(digits)
    return f"illegal character {_shown(rest[:1] or mark)} in escape sequence"


def _shown(character: str) -> str:
    return f"U+{ord(character):04X} {quote(character, chr(39))}"
