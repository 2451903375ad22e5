"""
The engine on one machine: ClickHouse in this process, by chDB.

One connection runs one statement at a time, so there is a pool, and each statement runs in a thread of its own while
the interpreter lock is released. One process owns a data directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import itertools
import os
import queue
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import orjson

from backbone.model.errors import DependencyError, StartError
from backbone.store.engine import DEFAULT_LIMITS, ArrowStream, Parameter, Piece, QueryLimits, Statement
from backbone.store.errors import insert_error, query_error
from backbone.store.memory import MemoryFiles

_Result = TypeVar("_Result")

_DECODE_SETTINGS: dict[str, str | int] = {
    "input_format_protobuf_oneof_presence": 1,
    "output_format_json_quote_64bit_integers": 0,
}
_INSERT_SETTINGS: dict[str, str | int] = _DECODE_SETTINGS | {
    # Durable and once: parts are on disk before the insert returns, and a repeat with the same token changes nothing.
    "fsync_metadata": 1,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    # Indexes are built by the first merge: parts are small before, and building twice costs a quarter of the rate.
    "materialize_skip_indexes_on_insert": 0,
    # Views are planned anew for each insert; the optimizer finds nothing in them that is worth its time.
    "query_plan_enable_optimizations": 0,
    # It rewrites what has an AND in it, which takes as long as all the rest of a view.
    "optimize_and_compare_chain": 0,
    # A group is one block per table, so that its token means the same each time.
    "max_insert_threads": 1,
    "max_threads": 1,
    "max_block_size": 10_000_000,
    "max_insert_block_size": 10_000_000,
    "min_insert_block_size_rows": 10_000_000,
    "min_insert_block_size_bytes": 2_000_000_000,
}


_READ_SETTINGS: dict[str, str | int] = {
    # Rows come out in the order in which they went in.
    "max_threads": 1,
    "query_plan_enable_optimizations": 0,
    "optimize_and_compare_chain": 0,
}
_ARROW_SETTINGS: dict[str, str | int] = {
    # Few large batches, as they lie in memory.
    "output_format_arrow_compression_method": "none",
    "max_block_size": 1_000_000,
    "preferred_block_size_bytes": 0,
}


class _Connection(Protocol):
    """What is used of a chDB connection, which has no types of its own."""

    def query(self, sql: str, output: str, params: dict[str, str] | None = None) -> Any: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class EmbeddedOptions:
    """How much of the machine the engine may use; ``threads`` of 0 takes all cores."""

    max_memory_bytes: int = 1 << 30
    threads: int = 0
    connections: int = 6


class EmbeddedEngine:
    """chDB on a directory; see `backbone.store.engine.Engine` for what its methods promise."""

    def __init__(self, connections: list[_Connection], schemas: Path, lock: int, options: EmbeddedOptions) -> None:
        self._schemas = schemas
        self._all = connections
        self._idle: queue.SimpleQueue[_Connection] = queue.SimpleQueue()
        for connection in connections[1:]:
            self._idle.put(connection)
        # One connection is kept for ending the statements of the others.
        self._control = connections[0]
        self._lock = lock
        self._options = options
        self._threads = ThreadPoolExecutor(len(connections) - 1, thread_name_prefix="engine")
        self._killer = ThreadPoolExecutor(1, thread_name_prefix="engine-control")
        self._numbers = itertools.count(1)
        self._memory = MemoryFiles()
        self._closed = False

    @classmethod
    def open(cls, directory: Path, options: EmbeddedOptions) -> EmbeddedEngine:
        """
        Open the data directory, making it if need be.

        Raises:
            StartError: another process has it, or it cannot be written.
        """
        lock = _lock_directory(directory)
        import chdb  # noqa: PLC0415 - heavy: it stands where the engine is built

        config = directory / "engine.xml"
        config.write_text(_server_config(options))
        path = f"{directory / 'engine'}?config-file={config}"
        connections: list[_Connection] = [chdb.connect(path) for _ in range(options.connections + 1)]
        return cls(connections, directory.absolute() / "schemas", lock, options)

    async def query(
        self,
        statement: Statement,
        limits: QueryLimits = DEFAULT_LIMITS,
        *,
        output: str = "JSONCompact",
    ) -> bytes:
        def read(result: Any) -> bytes:
            return bytes(result.bytes() or b"")

        return await self._query(statement, limits, output, read)

    async def arrow(self, statement: Statement, limits: QueryLimits = DEFAULT_LIMITS) -> ArrowStream:
        def read(result: Any) -> ArrowStream:
            if not result.size():
                return ArrowStream(memoryview(b""), result)
            view = result.get_memview()
            return ArrowStream(view.view(), (view, result))

        return await self._query(statement, limits, "ArrowStream", read, _ARROW_SETTINGS)

    async def _query(
        self,
        statement: Statement,
        limits: QueryLimits,
        output: str,
        read: Callable[[Any], _Result],
        settings: Mapping[str, str | int | float] = MappingProxyType({}),
    ) -> _Result:
        query_id = f"q{next(self._numbers)}"
        # A setting is how a statement is found again in system.processes: comments are lost where there are parameters.
        own = self._limit_settings(limits) | {"log_comment": query_id, **settings}
        sql = f"{statement.sql}\nSETTINGS {_settings(own)}"
        parameters = {name: _parameter(value) for name, value in statement.parameters.items()}

        def run(connection: _Connection) -> _Result:
            return read(connection.query(sql, output, params=parameters))

        return await self._run(run, query_id)

    async def rows(self, statement: Statement, limits: QueryLimits = DEFAULT_LIMITS) -> list[dict[str, Any]]:
        lines = await self.query(statement, limits, output="JSONEachRow")
        return [orjson.loads(line) for line in lines.splitlines()]

    async def command(self, statement: Statement) -> None:
        parameters = {name: _parameter(value) for name, value in statement.parameters.items()}
        await self._run(lambda connection: connection.query(statement.sql, "TSV", params=parameters), None)

    async def inspect(
        self, sql: str, schema: str | None, columns: str, payload: Sequence[Piece]
    ) -> list[dict[str, Any]]:
        settings = _settings(_DECODE_SETTINGS | self._schema_settings(schema))

        def run(connection: _Connection) -> bytes:
            with self._memory.holding(payload) as path:
                source = f"file({_literal(path)}, '{_format(schema)}', {_literal(columns)})"
                statement = f"WITH requests AS (SELECT * FROM {source}) {sql} SETTINGS {settings}"  # noqa: S608 - our own
                return bytes(connection.query(statement, "JSONEachRow").bytes() or b"")

        lines = await self._run(run, None, insert=True)
        return [orjson.loads(line) for line in lines.splitlines()]

    async def read(self, sql: str, columns: str, payload: Sequence[Piece]) -> bytes:
        def run(connection: _Connection) -> bytes:
            with self._memory.holding(payload) as path:
                source = f"file({_literal(path)}, 'RowBinary', {_literal(columns)})"
                statement = f"WITH texts AS (SELECT * FROM {source}) {sql} SETTINGS {_settings(_READ_SETTINGS)}"  # noqa: S608 - our own
                return bytes(connection.query(statement, "RowBinary").bytes() or b"")

        return await asyncio.shield(self._run(run, None, insert=True))

    async def insert(self, table: str, schema: str | None, payload: Sequence[Piece], *, token: str) -> None:
        settings = _settings(_INSERT_SETTINGS | self._schema_settings(schema) | {"insert_deduplication_token": token})

        def run(connection: _Connection) -> None:
            # Streaming inserts (`send_insert`) swallow errors raised in views; this way of inserting reports them.
            with self._memory.holding(payload) as path:
                source = f"SELECT * FROM file('{path}', '{_format(schema)}')"  # noqa: S608 - a path of our own
                connection.query(f"INSERT INTO {table} SETTINGS {settings} {source}", "TSV")

        # Not cancelled half way: whoever waits may go away, the group is committed all the same.
        await asyncio.shield(self._run(run, None, insert=True))

    def _schema_settings(self, schema: str | None) -> dict[str, str | int]:
        """Return a schema as the engine names it; given as text it would leave files in the working directory."""
        if schema is None:
            return {}
        file = self._schemas / f"{hashlib.sha256(schema.encode()).hexdigest()[:16]}.proto"
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            file.write_text(schema)
        return {"format_schema": f"{file}:Request"}

    async def close(self) -> None:
        """End what runs and release the directory; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._killer.shutdown(wait=True)
        for connection in self._all:
            connection.close()
        self._memory.close()
        os.close(self._lock)

    async def _run(
        self, work: Callable[[_Connection], _Result], query_id: str | None, *, insert: bool = False
    ) -> _Result:
        if self._closed:
            raise DependencyError("the engine is shutting down")
        working = self._threads.submit(self._with_connection, work)
        waiting = asyncio.wrap_future(working)
        # Nobody asks how a statement ended whose task was cancelled; asking here keeps asyncio from complaining.
        waiting.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            # The thread's own future: asyncio's lets itself be cancelled while the thread goes on.
            if query_id is not None and not working.cancel():
                await asyncio.shield(self._kill(query_id))
            raise
        except RuntimeError as error:
            raise (insert_error if insert else query_error)(str(error)) from error

    def _with_connection(self, work: Callable[[_Connection], _Result]) -> _Result:
        connection = self._idle.get()
        try:
            return _told(work, connection)
        except RuntimeError:
            # What a statement had printed before it failed would come out before the next one's result.
            with contextlib.suppress(RuntimeError):
                connection.query("SELECT 1", "Null")
            raise
        finally:
            self._idle.put(connection)

    async def _kill(self, query_id: str) -> None:
        sql = f"KILL QUERY WHERE Settings['log_comment'] = '{query_id}' ASYNC"
        await asyncio.get_running_loop().run_in_executor(self._killer, self._control.query, sql, "TSV")

    def _limit_settings(self, limits: QueryLimits) -> dict[str, str | int | float]:
        settings: dict[str, str | int | float] = {
            "max_execution_time": limits.timeout_seconds,
            "max_memory_usage": limits.max_memory_bytes,
            "max_threads": self._options.threads or os.cpu_count() or 1,
            # The engine takes one thread where a gibibyte for each is not free, which it never is here.
            "max_threads_min_free_memory_per_thread": 0,
            "output_format_json_quote_64bit_integers": 0,
            "output_format_json_quote_denormals": 1,
            # Senders may put any bytes where text is due; an answer is valid JSON all the same.
            "output_format_json_validate_utf8": 1,
        }
        if limits.max_rows_read:
            settings["max_rows_to_read"] = limits.max_rows_read
        if limits.max_result_rows:
            settings |= {"max_result_rows": limits.max_result_rows, "result_overflow_mode": "throw"}
        if limits.read_only:
            settings["readonly"] = 1
        return settings


@contextlib.asynccontextmanager
async def open_embedded(directory: Path, options: EmbeddedOptions) -> AsyncIterator[EmbeddedEngine]:
    """Open an engine for as long as the context lasts."""
    engine = await asyncio.to_thread(EmbeddedEngine.open, directory, options)
    try:
        yield engine
    finally:
        await engine.close()


def _lock_directory(directory: Path) -> int:
    """Lock the directory for this process; the lock's file says who holds it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StartError(f"store.data_dir: cannot write to '{directory}': {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 100).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise StartError(
            f"store.data_dir: '{directory}' is in use by process {holder}; stop it or choose another with --data-dir"
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _server_config(options: EmbeddedOptions) -> str:
    threads = options.threads or os.cpu_count() or 1
    return f"""<clickhouse>
    <max_server_memory_usage>{options.max_memory_bytes}</max_server_memory_usage>
    <index_uncompressed_cache_size>{options.max_memory_bytes // 8}</index_uncompressed_cache_size>
    <background_pool_size>{max(1, threads // 2)}</background_pool_size>
    <background_merges_mutations_concurrency_ratio>4</background_merges_mutations_concurrency_ratio>
    <memory_worker_purge_dirty_pages_threshold_ratio>0</memory_worker_purge_dirty_pages_threshold_ratio>
    <merge_tree>
        <fsync_after_insert>1</fsync_after_insert>
        <fsync_part_directory>1</fsync_part_directory>
        <auto_statistics_types></auto_statistics_types>
        <propagate_types_serialization_versions_to_nested_types>0</propagate_types_serialization_versions_to_nested_types>
        <number_of_free_entries_in_pool_to_lower_max_size_of_merge>2</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
        <number_of_free_entries_in_pool_to_execute_mutation>2</number_of_free_entries_in_pool_to_execute_mutation>
        <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>2</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
    </merge_tree>
</clickhouse>
"""


def _format(schema: str | None) -> str:
    return "Native" if schema is None else "Protobuf"


def _told(work: Callable[[_Connection], _Result], connection: _Connection) -> _Result:
    """Return what *work* does; an error may quote bytes that are no text."""
    try:
        return work(connection)
    except UnicodeDecodeError as error:
        raise RuntimeError(error.object.decode(errors="replace")) from None


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {_literal(value)}" for name, value in settings.items())


def _literal(value: str | float) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return repr(value)


def _parameter(value: Parameter) -> str:
    """Return a parameter as the engine reads it: text with TSV's escapes, arrays as its literals."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    if isinstance(value, int | float):
        return repr(value)
    return "[" + ", ".join(_literal(item) for item in value) + "]"
