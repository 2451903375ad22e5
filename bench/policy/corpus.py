"""Labelled texts: what the rules find of what is there, and how much of what they find is there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / "tests" / "process" / "redact" / "corpus"
_LABEL = re.compile(r"⟦(\w+)\|(.*?)⟧", re.DOTALL)
_MARK = re.compile(r"<([a-z0-9_]+)(?::[^>]*)?>")

Scrub = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and what of it has to go: kinds and secrets."""

    text: str
    secrets: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Score:
    """Of one kind: secrets there were, those that are gone, and what was taken for one and is none."""

    there: int = 0
    gone: int = 0
    wrong: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.gone / self.there if self.there else 1.0

    @property
    def precision(self) -> float:
        return self.gone / (self.gone + self.wrong) if self.gone + self.wrong else 1.0


def read(name: str) -> list[Labelled]:
    """Return the corpus *name*: ``first`` or ``second``."""
    lines = (FOLDER / f"{name}.txt").read_text().splitlines()
    return [_labelled(line) for line in lines if line and not line.startswith("# ")]


def _labelled(line: str) -> Labelled:
    text = line.replace("\\\\n", "\0").replace("\\n", "\n").replace("\0", "\\n")
    secrets = tuple((match[1], match[2]) for match in _LABEL.finditer(text))
    return Labelled(_LABEL.sub(lambda match: match[2], text), secrets)


def score(corpus: Sequence[Labelled], scrub: Scrub) -> Mapping[str, Score]:
    """Return the score of each kind, and of ``all``."""
    scores: dict[str, Score] = {}
    for one, scrubbed in zip(corpus, scrub([one.text for one in corpus]), strict=True):
        _add(scores, one, scrubbed)
    total = Score()
    for found in scores.values():
        total.there, total.gone = total.there + found.there, total.gone + found.gone
        total.wrong += found.wrong
        total.problems += found.problems
    return dict(sorted(scores.items())) | {"all": total}


def _add(scores: dict[str, Score], one: Labelled, scrubbed: str) -> None:
    gone = 0
    for kind, secret in one.secrets:
        found = scores.setdefault(kind, Score())
        found.there += 1
        if secret in scrubbed:
            found.problems.append(f"kept: {one.text!r} -> {scrubbed!r}")
        else:
            found.gone += 1
            gone += 1
    before = [match[1] for match in _MARK.finditer(one.text)]
    marks = [match[1] for match in _MARK.finditer(scrubbed)]
    for mark in before:
        if mark in marks:
            marks.remove(mark)
    for mark in marks[gone:]:
        found = scores.setdefault(mark, Score())
        found.wrong += 1
        found.problems.append(f"wrong: {one.text!r} -> {scrubbed!r}")
