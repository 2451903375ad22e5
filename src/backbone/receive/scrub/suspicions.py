"""The tables by which texts are found suspicious, made of what a policy looks for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backbone.model.scrubbing import Scrubbing, Word
from backbone.receive.kernels import characters, suspect

_SIGNS = " _-.@%:/=?&<>\"'+"
_RARE = frozenset("_-.=:/@%+")
"""What makes three characters rarer than letters do."""


@dataclass(frozen=True, slots=True)
class Suspicions:
    """Tables for `backbone.receive.kernels.suspect`, and what is suspicious besides words."""

    tables: NDArray[np.uint8]
    besides: int

    @property
    def address(self) -> int:
        return int(self.tables.ctypes.data)


def suspicions(scrubbing: Scrubbing) -> Suspicions:
    """Return the tables for a policy."""
    fold = _folds()
    rows = _by_three(scrubbing.words, fold)
    threes, heads = np.zeros(1 << 15, np.uint8), np.full(1 << 18, -1, np.int16)
    texts_at = suspect.WORDS + 16 * len(scrubbing.words)
    words: list[tuple[int, int, int, int]] = []
    texts = bytearray()
    for three, found in rows.items():
        threes[three >> 3] |= 1 << (three & 7)
        heads[three] = len(words)
        for number, (word, last) in enumerate(found, 1):
            text = (word.text if word.is_exact else word.text.lower()).encode()
            bits = _bits(word) | suspect.MORE * (number < len(found))
            words.append((texts_at + len(texts), len(text), last, bits))
            texts += text
    classes = _classes()
    traits = fold.astype(np.int16) | classes.astype(np.int16) << 6
    parts = (
        traits,
        classes,
        _accounts(scrubbing.accounts),
        threes,
        heads,
        np.array(words, np.int32),
        np.frombuffer(bytes(texts), np.uint8),
    )
    return Suspicions(
        np.frombuffer(b"".join(part.tobytes() for part in parts), np.uint8),
        suspect.ALL * scrubbing.everything
        | suspect.NUMBERS * scrubbing.numbers
        | suspect.AT * scrubbing.signs
        | suspect.INTEGERS * scrubbing.integers
        | suspect.CARDS * (scrubbing.masked_cards != 0),
    )


def _by_three(words: Sequence[Word], fold: NDArray[np.uint8]) -> dict[int, list[tuple[Word, int]]]:
    """Return the words by the rarest three of bytes of each, and at which byte that ends."""
    usual = Counter(three for word in words for three, _ in _threes(word.text, fold))
    rows: dict[int, list[tuple[Word, int]]] = defaultdict(list)
    for word in words:
        threes = _threes(word.text, fold)
        three, last = min(threes, key=lambda one: (usual[one[0]], -_rareness(word.text, one[1])))
        rows[three].append((word, last))
    return rows


def _classes() -> NDArray[np.uint8]:
    """Return what each byte is."""
    found = np.zeros(256, np.uint8)
    for byte in range(256):
        character = chr(byte) if byte < 128 else ""
        found[byte] = (
            characters.WORD_CHARACTER * character.isalnum()
            | characters.DIGIT * character.isdigit()
            | characters.HEX * (character != "" and character in "0123456789abcdefABCDEF")
            | characters.UPPER * character.isupper()
            | characters.LETTER * character.isalpha()
            | characters.GAP * (byte >= 128 or character in " .-/()+\t")
            | characters.OTHER * (byte in b"@%:-.\xef")
        )
    return found


def _accounts(lengths: Mapping[str, int]) -> NDArray[np.uint8]:
    """Return how long accounts are by a country's two letters, 0 where there are none."""
    found = np.zeros((26, 26), np.uint8)
    for country, length in lengths.items():
        found[ord(country[0]) - ord("A"), ord(country[1]) - ord("A")] = length
    return found


def _bits(word: Word) -> int:
    then = {"": 0, "sign": suspect.SIGN, "digits": suspect.DIGITS}[word.then]
    return suspect.EXACT * word.is_exact | suspect.BOUNDARY * word.at_boundary | then


def _threes(text: str, fold: NDArray[np.uint8]) -> Iterable[tuple[int, int]]:
    """Yield each three of a text's bytes, and at which byte it ends."""
    folded = [int(fold[byte]) for byte in text.encode()]
    for last in range(2, len(folded)):
        yield folded[last - 2] << 12 | folded[last - 1] << 6 | folded[last], last


def _rareness(text: str, last: int) -> int:
    return sum(character in _RARE for character in text[last - 2 : last + 1])


def _folds() -> NDArray[np.uint8]:
    """Return what each byte comes to: letters in any case the same, all digits one."""
    fold = np.zeros(256, np.uint8)
    for number in range(26):
        fold[ord("a") + number] = fold[ord("A") + number] = 1 + number
    fold[ord("0") : ord("9") + 1] = 27
    for number, sign in enumerate(_SIGNS):
        fold[ord(sign)] = 28 + number
    return fold
