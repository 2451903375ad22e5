"""Which of the engine's functions a user's SQL may call: those that compute, none that look outside their arguments."""

from __future__ import annotations

from dataclasses import dataclass

from backbone.store.engine import Engine, QueryLimits, Statement

_CATEGORIES = frozenset(
    {
        "Arithmetic",
        "Arrays",
        "Bit",
        "Bitmap",
        "Comparison",
        "Conditional",
        "Dates and Times",
        "Distance",
        "Encoding",
        "Geo",
        "Hash",
        "IP Address",
        "JSON",
        "Logical",
        "Map",
        "Mathematical",
        "Null",
        "Random Number",
        "Rounding",
        "String",
        "String Replacement",
        "String Search",
        "String Splitting",
        "Time Series",
        "Time Window",
        "Tuple",
        "Type Conversion",
        "URL",
        "UUID",
    }
)
"""Of the engine's own list; what comes new to the engine under another is refused until someone looked at it."""

_OTHERS = frozenset(
    {
        "bar",
        "byteSize",
        "countDigits",
        "formatReadableDecimalSize",
        "formatReadableQuantity",
        "formatReadableSize",
        "formatReadableTimeDelta",
        "identity",
        "ignore",
        "materialize",
        "neighbor",
        "parseReadableSize",
        "parseReadableSizeOrNull",
        "parseReadableSizeOrZero",
        "parseTimeDelta",
        "rowNumberInAllBlocks",
        "runningDifference",
        "toTypeName",
        "transform",
        "visibleWidth",
    }
)
"""Harmless ones of the category "Other", where those stand too that read files, settings and other tables."""

_SYNTAX = frozenset({"lambda", "exists", "grouping", "untuple"})
"""What the parser writes as functions and the engine does not list."""


@dataclass(frozen=True, slots=True)
class Functions:
    """What may be called; names in lower case, since for some the engine ignores case and for some it does not."""

    scalar: frozenset[str]
    aggregate: frozenset[str]
    combinators: tuple[str, ...]

    def allows(self, name: str) -> bool:
        """Return whether *name* may be called, with an aggregate's combinators (``sumIf``) or without."""
        lowered = name.lower()
        return lowered in self.scalar or self._aggregates(lowered)

    def _aggregates(self, name: str) -> bool:
        return name in self.aggregate or any(
            name.endswith(suffix) and self._aggregates(name.removesuffix(suffix)) for suffix in self.combinators
        )


async def load_functions(engine: Engine, limits: QueryLimits) -> Functions:
    """Return what of this engine's functions may be called; an alias is judged by what it stands for."""
    listed = Statement(
        "SELECT f.name AS name, f.is_aggregate AS aggregate, f.origin = 'System' AS built_in, "
        "if(f.alias_to = '', f.name, f.alias_to) AS target, "
        "if(f.alias_to = '', f.categories, t.categories) AS category "
        "FROM system.functions AS f LEFT JOIN system.functions AS t ON t.name = f.alias_to"
    )
    rows = [row for row in await engine.rows(listed, limits) if row["built_in"]]
    suffixes = await engine.rows(Statement("SELECT name FROM system.aggregate_function_combinators"), limits)
    return Functions(
        scalar=_SYNTAX.union(
            row["name"].lower()
            for row in rows
            if not row["aggregate"] and (row["category"] in _CATEGORIES or row["target"] in _OTHERS)
        ),
        aggregate=frozenset(row["name"].lower() for row in rows if row["aggregate"]),
        combinators=tuple(row["name"].lower() for row in suffixes),
    )
