"""What a pipeline is made of: tables that pass rows on, views that carry them to the next, and tables it looks into."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """A table that keeps nothing: what is written to it is seen by the views that read it, and gone."""

    name: str
    columns: str

    def renamed(self, name: str) -> Passage:
        return Passage(name, self.columns)


@dataclass(frozen=True, slots=True)
class View:
    """``select`` runs over each block written to the table it reads, and its result is written to ``target``."""

    name: str
    target: str
    select: str


@dataclass(frozen=True, slots=True)
class Recall:
    """
    A table in memory that views or sweeps look into; ``fill`` selects its rows from stored tables, at start and after a
    failure.

    While the server runs, a view keeps it up to date. One that only saves work starts empty: its ``fill`` is empty.
    """

    name: str
    columns: str
    engine: str
    fill: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """All steps of a door, or of all of them, in the order in which they are created."""

    passages: tuple[Passage, ...]
    views: tuple[View, ...]
    recalls: tuple[Recall, ...] = ()

    def __add__(self, other: Pipeline) -> Pipeline:
        return Pipeline(self.passages + other.passages, self.views + other.views, self.recalls + other.recalls)
