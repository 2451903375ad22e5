"""The database of records: opened, brought up to date, and used by one thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from backbone.model.errors import DependencyError, StartError

T = TypeVar("T")

_BUSY_MS = 5_000


class Records:
    """Runs work on the database, one after the other, each in a transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # SQLite has one writer; a thread of its own keeps the event loop free.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="records")

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, directory: Path) -> AsyncIterator[Records]:
        """
        Open the database in *directory*, bringing its tables up to date.

        Raises:
            StartError: it is of a newer program, or cannot be opened.
        """
        path = directory / "records.sqlite"
        engine = create_engine(f"sqlite:///{path}", poolclass=StaticPool, connect_args={"check_same_thread": False})
        event.listen(engine, "connect", _prepare)
        records = cls(engine)
        try:
            await records._in_thread(lambda: _update(engine, path))
            yield records
        finally:
            await records._in_thread(engine.dispose)
            records._thread.shutdown()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """
        Return what *work* does with a connection, in a transaction that is its own.

        Raises:
            DependencyError: the database is not able now, such as on a full disk.
        """

        def worked() -> T:
            with self._engine.begin() as connection:
                return work(connection)

        try:
            return await self._in_thread(worked)
        except OperationalError as error:
            raise DependencyError(f"records: {error.orig}") from error

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _prepare(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _update(engine: Engine, path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("backbone.records").joinpath("history")))
    try:
        with engine.begin() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
            if current is not None and current not in known:
                raise StartError(f"{path}: the records are at revision {current}, which this program does not know")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise StartError(f"{path}: {error.orig}") from error
