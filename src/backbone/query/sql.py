"""
A user's own SQL over the telemetry tables: one SELECT, read-only, bounded, and blind to other tenants.

The engine parses the text into a tree without running any of it (an EXPLAIN would already fold constants, and so read
files), the tree is checked against what is allowed and every table in it is confined to the tenant's rows
(`backbone.query.sql_guard`), and SQL is printed from the tree: what runs is what was checked.

The engine's own setting for this, ``additional_table_filters``, does not serve: in a subquery of a statement that is
read-only it is passed over in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from backbone.model.errors import UserInputError
from backbone.query.sql_functions import Functions, load_functions
from backbone.query.sql_guard import check_tree, confine
from backbone.store.engine import Engine, QueryLimits, Statement

MAX_TEXT = 64 << 10
"""Characters of a statement."""

_EXPECTED = re.compile(r"\.? Expected one of: .*", re.DOTALL)
_SCOPE = re.compile(r":? ?In scope .*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SqlAnswer:
    """Rows as the engine prints them in JSON; ``truncated`` says that there are more than the limit."""

    columns: list[tuple[str, str]]
    """Name and type of each."""
    rows: list[list[Any]]
    truncated: bool


class SqlQueries:
    """Runs users' statements; what the engine's functions are is read once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._functions: Functions | None = None

    async def run(self, tenant: str, sql: str, limit: int, limits: QueryLimits) -> SqlAnswer:
        """
        Return at most *limit* rows of the SELECT *sql*.

        Raises:
            UserInputError: it cannot be understood, or reads what it may not.
            LimitExceeded: it went over one of *limits*.
        """
        confined = await self._confined(tenant, sql, limits)
        statement = Statement(f"SELECT * FROM (\n{confined}\n) LIMIT {{limit:UInt64}}", {"limit": limit + 1})
        try:
            answer = orjson.loads(await self._engine.query(statement, limits))
        except UserInputError as error:
            raise UserInputError(_short(str(error))) from error
        columns = [(column["name"], column["type"]) for column in answer["meta"]]
        return SqlAnswer(columns, answer["data"][:limit], truncated=len(answer["data"]) > limit)

    async def _confined(self, tenant: str, sql: str, limits: QueryLimits) -> str:
        """Return *sql* as printed from its tree, which is known to be harmless and sees the tenant's rows only."""
        if len(sql) > MAX_TEXT:
            raise UserInputError(f"sql: {len(sql)} characters, at most {MAX_TEXT} are accepted")
        functions = self._functions = self._functions or await load_functions(self._engine, limits)
        parsed = Statement(
            "SELECT parseQueryToJSON({sql:String}) AS tree, "
            "(SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase()) AS tables",
            {"sql": sql},
        )
        try:
            row = (await self._engine.rows(parsed, limits))[0]
            tree = orjson.loads(row["tree"])
            check_tree(tree, functions, frozenset(row["tables"]))
            text = orjson.dumps(confine(tree, tenant)).decode()
            printed = Statement("SELECT formatQueryFromJSON({tree:String}) AS sql", {"tree": text})
            return str((await self._engine.rows(printed, limits))[0]["sql"])
        except UserInputError as error:
            raise UserInputError(_short(str(error))) from error


def _short(text: str) -> str:
    """Return the engine's message without our statement around the user's and without the parser's list of tokens."""
    return _SCOPE.sub("", _EXPECTED.sub("", text)).rstrip(" .:")
