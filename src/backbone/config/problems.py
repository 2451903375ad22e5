"""What is wrong with a file, and where: ``path:line:column: where: what``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backbone.config.wording import brief
from backbone.model.errors import ConfigError

Trail = tuple[str | int, ...]
"""The keys and list positions that lead from the top of a file to a value."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a text, from 1; of a thing that is in no line of it, both are 0."""

    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f":{self.line}:{self.column}" if self.line else ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; *where* is the option as its writer knows it, or empty."""

    place: Place
    where: str
    what: str
    origin: str = ""
    """Where the option was set, if not in the file."""

    def text(self, source: str) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{self.origin or source}{self.place}: {where}{self.what}"


class ProblemsError(Exception):
    """Problems found while a text is read; turned into a `ConfigError` where its name is known."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems


def refusal(source: str, problems: Iterable[Problem]) -> ConfigError:
    """Return the error that tells *problems* in file order."""
    ordered = sorted(problems, key=lambda problem: problem.place)
    return ConfigError([problem.text(source) for problem in ordered])


def dotted(trail: Trail) -> str:
    """Return *trail* as a user writes it: ``store.retention``, ``groups[0].name``."""
    text = ""
    for step in trail:
        text += f"[{step}]" if isinstance(step, int) else f".{brief(step)}" if text else brief(step)
    return text
