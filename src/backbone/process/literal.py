"""Texts of a policy as SQL; nothing that a sender says ever becomes text of a statement."""

from __future__ import annotations

from collections.abc import Iterable


def literal(text: str) -> str:
    """Return *text* as a literal of the engine's SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def literals(texts: Iterable[str]) -> str:
    """Return *texts* as a literal array."""
    return f"[{', '.join(map(literal, texts))}]"
