"""A small engine on chDB for the tests of what asks: one connection, statements one after the other."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection

from backbone.model.errors import LimitExceeded, UserInputError
from backbone.store.engine import Parameter, QueryLimits, Statement

_LIMITS = QueryLimits()
_OVER = {158: "max_rows_read", 159: "timeout", 241: "max_memory", 396: "max_result_rows"}


class FixtureEngine:
    """The engine's contract as far as asking needs it."""

    def __init__(self, path: Path) -> None:
        self._connection = Connection(str(path))
        self._lock = asyncio.Lock()
        self.cancelled = 0
        schema = (files("backbone.store") / "schema/0001_telemetry.sql").read_text()
        for sql in schema.split(";\n"):
            if sql.strip():
                self._connection.query(sql)

    async def query(self, statement: Statement, limits: QueryLimits = _LIMITS, *, output: str = "JSONCompact") -> bytes:
        async with self._lock:
            try:
                return await asyncio.to_thread(self._run, statement, limits, output)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise

    async def rows(self, statement: Statement, limits: QueryLimits = _LIMITS) -> list[dict[str, Any]]:
        answer = orjson.loads(await self.query(statement, limits, output="JSON"))
        found: list[dict[str, Any]] = answer["data"]
        return found

    async def command(self, statement: Statement) -> None:
        await self.query(statement, QueryLimits(read_only=False), output="Null")

    async def insert(self, table: str, schema: str, payload: Sequence[bytes], *, token: str) -> None:
        raise NotImplementedError

    def insert_rows(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        text = b"\n".join(orjson.dumps(row) for row in rows).decode()
        columns = ", ".join(f"`{name}`" for name in rows[0])
        self._connection.query(
            f"INSERT INTO {table} ({columns}) SETTINGS date_time_input_format = 'best_effort' FORMAT JSONEachRow {text}"
        )

    def close(self) -> None:
        self._connection.close()

    def _run(self, statement: Statement, limits: QueryLimits, output: str) -> bytes:
        sql = statement.sql
        if limits.read_only:
            # 2 lets statements carry settings of their own, as ours do.
            sql += (
                f"\nSETTINGS max_execution_time = {limits.timeout_seconds}, max_memory_usage = {limits.max_memory_bytes},"
                f" max_rows_to_read = {limits.max_rows_read}, max_result_rows = {limits.max_result_rows},"
                " output_format_json_quote_64bit_integers = 0, readonly = 2"
            )
        try:
            parameters = {name: _printed(value) for name, value in statement.parameters.items()}
            answer: bytes = self._connection.query(sql, output, params=parameters).bytes()
        except ChdbError as error:
            raise _error(str(error)) from error
        return answer


def _printed(value: Parameter) -> str:
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, int | float):
        return str(value)
    items = [f"'{_escaped(item)}'" if isinstance(item, str) else str(item) for item in value]
    return f"[{','.join(items)}]"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("'", "\\'").replace("\0", "\\0")


def _error(text: str) -> Exception:
    found = re.match(r"Code: (\d+)\. DB::Exception: (.*?)(?: \([A-Z_]+\))?$", text, re.DOTALL)
    code, message = (int(found[1]), found[2]) if found else (0, text)
    if code in _OVER:
        return LimitExceeded(message, limit=f"query.{_OVER[code]}")
    return UserInputError(message)
