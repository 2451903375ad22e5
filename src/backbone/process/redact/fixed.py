"""The fixed part of a pattern: characters that are in every text that it finds something in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backbone.model.scrubbing import Word
from backbone.process.redact.patterns import PIECE

_SHORTEST = 3
_QUANTIFIED = re.compile(r"[*?]|\{0(?:,|\})")
_PLAIN = re.compile(r"[A-Za-z0-9_@%:/=&<>\"'~#!;, -]")
_ESCAPED = re.compile(r"\\([^A-Za-z0-9])")


def fixed_words(pattern: str) -> tuple[Word, ...] | None:
    """
    Return words of which each text that *pattern* finds something in has one; none if nothing is known of it.

    Only what stands outside of groups counts, each alternative for itself.
    """
    words = []
    for alternative in _alternatives(PIECE.findall(pattern)):
        longest = max(_runs(alternative), key=len, default="")
        if len(longest) < _SHORTEST:
            return None
        words.append(Word(longest))
    return tuple(words)


def _alternatives(pieces: list[str]) -> Iterator[list[str]]:
    """Yield the pieces of each alternative, those in groups as ``(``."""
    found: list[str] = []
    depth = 0
    for piece in pieces:
        if piece == "|" and depth == 0:
            yield found
            found = []
        elif piece.startswith("("):
            # Flags for all that follows are no group: ``(?i)``.
            depth += not re.fullmatch(r"\(\?[a-zA-Z-]+\)", piece)
            found.append("(")
        elif piece == ")":
            depth -= 1
        elif depth == 0:
            found.append(piece)
    yield found


def _runs(pieces: list[str]) -> Iterator[str]:
    """Yield each row of characters that stand in the text as they stand here."""
    run = ""
    for at, piece in enumerate(pieces):
        after = "".join(pieces[at + 1 : at + 4])
        escaped = _ESCAPED.fullmatch(piece)
        character = piece if _PLAIN.fullmatch(piece) else escaped[1] if escaped and ord(escaped[1]) < 128 else ""
        is_repeated = after.startswith(("+", "{"))
        if not character or _QUANTIFIED.match(after):
            yield run
            run = ""
            continue
        run += character
        if is_repeated:
            yield run
            run = ""
    yield run
