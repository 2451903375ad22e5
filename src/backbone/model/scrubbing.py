"""What the scrubbing of requests needs to know of a policy: what makes a text suspicious, and what to ask about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal


class Kind(IntEnum):
    """What the name of an attribute says of its value; from `NAMED` on, a number for each way of naming secrets."""

    ANY = 0
    ADDRESS = 1
    """A place for the address of a machine, which is kept."""
    KEPT = 2
    NAMED = 3
    BYTES = 120
    """A value of bytes, whatever it is called."""


ODD_NAME = 128
"""Added to the kind of a name that is itself to be scrubbed."""
NOT_TEXT = 128
"""Added to the kind of a value whose text is the bytes of its message: a list, an array, a number with a fraction."""


@dataclass(frozen=True, slots=True)
class Word:
    """
    A word that makes a text suspicious.

    Attributes:
        text: at least three characters of ASCII; in any case unless the word ``is_exact``.
        at_boundary: whether it begins where no letter or digit stands before.
        then: what has to come soon after it: a sign that a value follows, or digits.
    """

    text: str
    is_exact: bool = False
    at_boundary: bool = False
    then: Literal["", "sign", "digits"] = ""


@dataclass(frozen=True, slots=True)
class Scrubbing:
    """
    How requests are scrubbed.

    Statements read rows of ``place UInt32, kind UInt8, tenant String, text String`` from ``{texts}``.

    Attributes:
        kinds: a statement that returns ``place, kind UInt8`` of each text, which is the name of an attribute.
        names: the same of names that are suspicious themselves; planning it takes eight times as long.
        hints: a statement that returns nothing if no text has to be asked about, and else one byte: whether more than
            numbers may be found in them. It is planned in a tenth of the time that ``texts`` takes.
        texts: a statement that returns ``place, rules UInt64, gone UInt8, clean String`` of each text that has to
            change: a bit for each rule that found something, whether it is left out, what stands in its place.
        numbered: the same of texts in which no more than numbers may be found, planned in two thirds of the time.
        words: what makes a text suspicious.
        numbers: whether numbers of something do.
        accounts: how long account numbers are, by the two letters of a country.
        masked_cards: the bit of the rule that masks cards, 0 where something else is done with them.
        signs: whether ``@`` does.
        integers: whether each integer among values is to be asked about, since a pattern may find some.
        everything: whether each text is to be asked about, since a pattern tells nothing of what it finds.
    """

    kinds: str
    names: str
    hints: str
    texts: str
    numbered: str
    words: tuple[Word, ...]
    numbers: bool
    accounts: Mapping[str, int]
    masked_cards: int
    signs: bool
    integers: bool
    everything: bool
