"""What the stages above need of a database engine; `embedded` is chDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from backbone.model.errors import BackboneError

Parameter = str | int | float | bytes | Sequence[str] | Sequence[int]
"""What a statement's parameter may be; the statement's text gives its SQL type: ``{name:Array(String)}``."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its values apart: text from outside stands in ``parameters`` only, as ``{name:Type}`` in ``sql``."""

    sql: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


Piece = bytes | memoryview
"""Bytes, of which a payload has several: putting them together would copy them."""

MAX_ROWS_READ = "store.query.max_rows_read"
"""The option that bounds the rows a statement reads, as errors name it."""


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Bounds of one statement; over them it fails with `LimitExceeded`, naming the option."""

    timeout_seconds: float = 30.0
    max_memory_bytes: int = 512 << 20
    max_rows_read: int = 0
    """0 is no bound."""
    max_result_rows: int = 0
    """0 is no bound."""
    read_only: bool = True


DEFAULT_LIMITS = QueryLimits()


class RefusedByEngine(BackboneError):  # noqa: N818 - the sender's fault, told apart by whoever inserts
    """
    The engine could not read what it was given: the request, or one of its group, is malformed.

    ``by_view`` tells that it was decoded and a view refused it, so that other views may have run.
    """

    def __init__(self, message: str, *, by_view: bool) -> None:
        super().__init__(message)
        self.by_view = by_view


@dataclass(frozen=True, slots=True)
class ArrowStream:
    """A result in Arrow's streaming format, in the engine's memory, which is freed when ``owner`` is."""

    data: memoryview
    owner: object


class Engine(Protocol):
    """
    A database that runs statements; every call may be made from many tasks at once.

    A task that is cancelled while it waits ends its statement in the engine too.
    """

    async def query(self, statement: Statement, limits: QueryLimits = ..., *, output: str = "JSONCompact") -> bytes:
        """
        Run a statement and return its result as bytes in the engine's format *output*.

        Raises:
            UserInputError: the statement cannot be understood (its text came from a user).
            LimitExceeded: it went over one of *limits*.
            DependencyError: the engine is not able now (disk full, out of memory, shutting down).
        """
        ...

    async def arrow(self, statement: Statement, limits: QueryLimits = ...) -> ArrowStream:
        """Run a statement and return its result as columns; raises as `query`."""
        ...

    async def rows(self, statement: Statement, limits: QueryLimits = ...) -> list[dict[str, Any]]:
        """Run a statement and return its rows; 64-bit integers come as int, times as text in UTC."""
        ...

    async def command(self, statement: Statement) -> None:
        """Run a statement that changes something; raises as `query` does."""
        ...

    async def inspect(
        self, sql: str, schema: str | None, columns: str, payload: Sequence[Piece]
    ) -> list[dict[str, Any]]:
        """
        Run a select over what a group holds, which is its table ``requests``, and write nothing.

        Args:
            sql: the select.
            schema: as for `insert`.
            columns: the columns of ``requests``: of messages their fields.
            payload: as for `insert`.

        Raises:
            RefusedByEngine: a message could not be decoded.
            DependencyError: the engine is not able now.
        """
        ...

    async def read(self, sql: str, columns: str, payload: Sequence[Piece]) -> bytes:
        """
        Run a select over rows, which are its table ``texts``, and return what it selects; both in RowBinary.

        Args:
            sql: the select.
            columns: the columns of ``texts``.
            payload: pieces that make up the rows when put together.

        Raises:
            RefusedByEngine: something is wrong with the rows.
            DependencyError: the engine is not able now.
        """
        ...

    async def insert(self, table: str, schema: str | None, payload: Sequence[Piece], *, token: str) -> None:
        """
        Write a group of requests durably.

        Args:
            table: the table that takes them in.
            schema: protobuf text, whose ``Request`` the messages are; None where the payload is a block of columns.
            payload: pieces that make up length-delimited messages when put together, or a block in the engine's
                Native format.
            token: a repeat with the same token and payload changes nothing.

        Raises:
            RefusedByEngine: a message could not be decoded or a view refused it; nothing was written.
            DependencyError: the engine is not able now; part of it may have been written, repeat with the same token.
        """
        ...
