"""A step of the pipeline: a table that passes rows on, or a view that carries them to the next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """A table that keeps nothing: what is written to it is seen by the views that read it, and gone."""

    name: str
    columns: str


@dataclass(frozen=True, slots=True)
class View:
    """``select`` runs over each block written to the table it reads, and its result is written to ``target``."""

    name: str
    target: str
    select: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """All steps of one door, in the order in which they are created."""

    passages: tuple[Passage, ...]
    views: tuple[View, ...]
