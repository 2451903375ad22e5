"""Patterns as text: what is changed in those of users so that they can stand within larger ones."""

from __future__ import annotations

import re

PIECE = re.compile(
    r"\{\d*,?\d*\}|\\Q.*?\\E|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\(\?P?<\w+>|\(\?[imsU-]*[:)]|\((?!\?)|.",
    re.DOTALL,
)


def uncaptured(pattern: str) -> str:
    """Return the pattern with its groups no longer capturing."""
    return "".join("(?:" if _captures(piece) else piece for piece in PIECE.findall(pattern))


def _captures(piece: str) -> bool:
    return piece == "(" or (piece.startswith("(?") and piece.endswith(">") and len(piece) > 3)
