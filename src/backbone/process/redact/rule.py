"""What a rule of redaction is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backbone.model.scrubbing import Word

Slot = Literal["whole", "value", "line", "clear", "phone", "id"]


@dataclass(frozen=True, slots=True)
class Form:
    """
    One way in which something is written, as expressions of RE2 without groups that capture.

    Forms of one slot are one expression: all that may stand before, then all that may be the secret. What stands before
    stays. What is found after ``value`` ends where its quotes or, without any, the word does; its secret is empty here.
    """

    slot: Slot
    secret: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """
    What is looked for, by its name.

    A row's texts are held against hints first, all at once: a hint finds everything that a form finds, and may find
    more. Of what forms find, ``decides`` says whether it is this rule's: a condition in SQL over ``b``, what stands
    before, and ``s``, what was found.
    """

    name: str
    hint: str
    forms: tuple[Form, ...]
    decides: str
    words: tuple[Word, ...] = ()
    """What is in each text that it finds something in; of rules without words, signs and digits are."""
    address: bool = False
    """Whether it is of a machine in the network, and kept where the conventions have a place for that."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that go through a text together; a place that may be more than one's is the first's that takes it."""

    rules: tuple[Rule, ...]
    slots: tuple[Slot, ...]
    """In the order in which they are tried at one place."""
