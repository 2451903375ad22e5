"""Faults a person can inject into the fleet and lift again."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal, get_args

from backbone.model.errors import UserInputError

FaultKind = Literal["queue-jam", "peer-loss", "slow-shard", "error-burst", "log-flood", "cardinality-bomb"]
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
WHAT_HAPPENS: dict[FaultKind, str] = {
    "queue-jam": "the workers of a queue stop: pending rises, leases expire, items die, callers run into deadlines",
    "peer-loss": "a MeshKit node is gone: peers suspect it, calls fail and are tried again, its shards move",
    "slow-shard": "a shard answers twenty times slower",
    "error-burst": "four of ten calls of a procedure fail with internal errors",
    "log-flood": "a service logs fifty times as much, and is slowed by it",
    "cardinality-bomb": "the workflows of a namespace put their ids on metrics: series without end",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """``target`` is what is hit; a fault without ``until_ns`` lasts until it is lifted."""

    kind: FaultKind
    target: str
    until_ns: int | None = None


class Faults:
    """The faults in force."""

    def __init__(self, targets: dict[FaultKind, tuple[str, ...]]) -> None:
        self._targets = targets
        self._active: dict[FaultKind, Fault] = {}

    def inject(self, kind: str, target: str | None, until_ns: int | None) -> Fault:
        """
        Put a fault in force, in place of one of its kind; without a target the first one possible is hit.

        Raises:
            UserInputError: there is no such kind, or no such target.
        """
        known = parse_kind(kind)
        targets = self._targets[known]
        if target is not None and target not in targets:
            raise UserInputError(f"target: expected {_some(targets)}, got '{target}'{_guess(target, targets)}")
        fault = Fault(known, target or targets[0], until_ns)
        self._active[known] = fault
        return fault

    def lift(self, kind: str) -> None:
        """End a fault, or ``all`` of them; raises as `inject` does."""
        if kind == "all":
            self._active.clear()
        else:
            self._active.pop(parse_kind(kind), None)

    def expire(self, now_ns: int) -> None:
        self._active = {k: f for k, f in self._active.items() if f.until_ns is None or f.until_ns > now_ns}

    def hits(self, kind: FaultKind, target: str) -> bool:
        fault = self._active.get(kind)
        return fault is not None and fault.target == target

    def target(self, kind: FaultKind) -> str | None:
        """Return what a fault in force hits."""
        fault = self._active.get(kind)
        return fault.target if fault else None

    @property
    def active(self) -> tuple[Fault, ...]:
        return tuple(self._active.values())


def parse_kind(kind: str) -> FaultKind:
    """Return the kind of that name; raises `UserInputError` with the nearest one."""
    for known in KINDS:
        if kind == known:
            return known
    raise UserInputError(f"fault: expected one of {', '.join(KINDS)}, got '{kind}'{_guess(kind, KINDS)}")


def _guess(word: str, words: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, words, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _some(words: tuple[str, ...]) -> str:
    return f"one of {', '.join(words[:5])}" + (f" and {len(words) - 5} more" if len(words) > 5 else "")
