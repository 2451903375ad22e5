"""
Labels that have a column of their own in the table ``logs``, beside the maps of attributes.

A column's texts are made by the SQL that finds the label in the maps: when a record is stored or, of one that was
stored before there was a column, when it is read, until a merge has written them. So answers do not depend on columns,
only their speed does.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from weakref import WeakKeyDictionary

from backbone.query.logql.base_labels import KNOWN_LABELS, STREAM_LABELS, attribute_text
from backbone.store.engine import Engine, Statement

_PREFIX = "label:"
_NAME = re.compile("[a-zA-Z][a-zA-Z0-9_]{0,99}")
_MOST_REMEMBERED = 1_000
_ONE_QUESTION_SECONDS = 0.2
"""One question may name a label several times, in several statements."""


class LabelColumns:
    """Which labels have columns, and which are asked for."""

    def __init__(self) -> None:
        self.names: frozenset[str] = frozenset()
        self.asked: Counter[str] = Counter()
        """How often each label was asked for, whether it has a column or not."""
        self.last: dict[str, float] = {}
        """When each was asked for last, by the clock that never goes back."""
        self.news = asyncio.Event()
        """Set when a label is asked for that has no column."""

    def column(self, label: str) -> str:
        """Return the SQL of the label's column, '' where there is none."""
        if not can_have_column(label):
            return ""
        self._count(label)
        if label in self.names:
            return f"`{_PREFIX}{label}`"
        self.news.set()
        return ""

    def _count(self, label: str) -> None:
        now = time.monotonic()
        if label not in self.asked and len(self.asked) >= _MOST_REMEMBERED:
            return
        if now - self.last.get(label, -_ONE_QUESTION_SECONDS) >= _ONE_QUESTION_SECONDS:
            self.asked[label] += 1
        self.last[label] = now

    @property
    def all(self) -> str:
        """What follows ``*`` in a SELECT, so that it has these columns too."""
        return "".join(f", `{_PREFIX}{name}`" for name in sorted(self.names))

    async def load(self, engine: Engine) -> None:
        """Find out which columns there are."""
        rows = await engine.rows(
            Statement(
                "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'logs' "
                "AND startsWith(name, {prefix:String})",
                {"prefix": _PREFIX},
            )
        )
        self.names = frozenset(row["name"].removeprefix(_PREFIX) for row in rows)

    async def add(self, engine: Engine, *labels: str) -> None:
        """Make columns; of records that are stored already their texts are found in the maps, as before."""
        columns = [
            f"ADD COLUMN IF NOT EXISTS `{_PREFIX}{label}` LowCardinality(String) "
            f"MATERIALIZED {attribute_text(label, _literal)} CODEC(ZSTD)"
            for label in labels
        ]
        await engine.command(Statement(f"ALTER TABLE logs {', '.join(columns)}"))
        self.names |= set(labels)

    async def fill(self, engine: Engine, *labels: str) -> None:
        """Have columns written, in the background, for the records that were stored before."""
        columns = ", ".join(f"MATERIALIZE COLUMN `{_PREFIX}{label}`" for label in labels)
        await engine.command(Statement(f"ALTER TABLE logs {columns}"))

    async def drop(self, engine: Engine, label: str) -> None:
        self.names -= {label}
        await engine.command(Statement(f"ALTER TABLE logs DROP COLUMN IF EXISTS `{_PREFIX}{label}`"))


def _literal(text: str) -> str:
    """Return a text made of a label, which has nothing to escape, as SQL."""
    return f"'{text}'"


NO_COLUMNS = LabelColumns()

_OF: WeakKeyDictionary[Engine, LabelColumns] = WeakKeyDictionary()


def label_columns(engine: Engine) -> LabelColumns:
    """Return what is known of an engine's columns."""
    return _OF.setdefault(engine, LabelColumns())


def can_have_column(label: str) -> bool:
    """Return whether a label is an attribute's and nothing else, by its name."""
    return bool(_NAME.fullmatch(label)) and label not in STREAM_LABELS and label not in KNOWN_LABELS


def label_of(attribute: str) -> str:
    """Return the label of an attribute."""
    return re.sub("[^a-zA-Z0-9]", "_", attribute)
