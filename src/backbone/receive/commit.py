"""
The group commit: requests wait together, are written in one insert, and are answered when it is durable.

Each door's wire shape has a lane of its own, in which one group after the other is written. A lane rests after a group
in proportion to the time it took, unless half a group waits: at low load that trades a moment's wait for little work,
at high load it never rests.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from backbone.model.errors import BackboneError, DependencyError, UserInputError
from backbone.model.time import now_ns, seconds_from_ns
from backbone.receive import envelope
from backbone.receive.form import Form, Request, Unfit
from backbone.store.engine import Engine, Piece, RefusedByEngine, Statement
from backbone.store.wire import Wire
from backbone.telemetry.metrics import Metrics

_log = structlog.get_logger("backbone.commit")
_LONGEST_REST_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """How requests are grouped; the options of ``commit`` in the configuration."""

    max_group_bytes: int = 48 << 20
    max_group_requests: int = 2000
    linger_seconds: float = 0.05
    rest_ratio: float = 0.5
    retries: int = 3
    retry_seconds: float = 0.2


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a request: how many of its items were stored, and how many left out, by reason."""

    stored: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    received_ns: int = 0
    """When it was received, in ns: what the store calls it by; 0 if it did not come to be stored."""

    def __add__(self, other: Receipt) -> Receipt:
        """Return what became of both parts of a request, called as the first."""
        refused = {
            reason: self.refused.get(reason, 0) + other.refused.get(reason, 0)
            for reason in self.refused | other.refused
        }
        return Receipt(self.stored + other.stored, refused, self.received_ns or other.received_ns)


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: Request
    size: int
    digest: bytes
    done: asyncio.Future[Receipt]


class Notes(Protocol):
    """Remembers over a crash which requests were being written."""

    def begin(self, requests: list[tuple[int, bytes]]) -> None: ...
    def written(self, requests: list[tuple[int, bytes]]) -> None: ...
    async def look_for(self, requests: list[tuple[int, bytes]]) -> None: ...
    def clear(self) -> None: ...
    def already_stored(self, digest: bytes) -> bool: ...


Scrub = Callable[[Sequence[tuple[bytes, str]]], Awaitable[list[bytes | UserInputError]]]
"""Returns of requests and their tenants what may be written of each, or why it cannot be read."""


class Lane:
    """
    The group commit of one wire shape.

    Args:
        form: what the engine is given of requests.
        recover: puts right what a group that failed half way may have left.
        scrub: takes out of requests what may not be written.
    """

    def __init__(
        self,
        wire: Wire,
        signal: str,
        form: Form,
        engine: Engine,
        notes: Notes,
        options: CommitOptions,
        metrics: Metrics,
        recover: Callable[[], Awaitable[None]],
        *,
        scrub: Scrub,
    ) -> None:
        self._scrub = scrub
        self._wire = wire
        self._signal = signal
        self._engine = engine
        self._notes = notes
        self._options = options
        self._metrics = metrics
        self._recover = recover
        self._form = form
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._writing = asyncio.Lock()
        self._arrived = asyncio.Event()
        self._worthwhile = asyncio.Event()
        self._astray = False
        """Whether what views look into may be ahead of what is stored."""
        self._closing = False
        self._resting_until = 0.0
        self._last_ns = 0
        # The time makes tokens of this run differ from those of any run before.
        self._tokens = (f"{wire.name}-{now_ns():x}-{number}" for number in itertools.count())

    async def commit(self, body: bytes, tenant: str) -> Receipt:
        """
        Write a request and return when it is durable and visible.

        Raises:
            UserInputError: it cannot be read; nothing of it was stored.
            DependencyError: the store is not able now; it may be sent again.
        """
        if self._closing:
            raise DependencyError("shutting down")
        envelope.check(body)
        if not body:
            return Receipt()
        digest = envelope.digest(body, tenant)
        if self._notes.already_stored(digest):
            self._metrics.commit_repeated.labels(self._wire.name).inc()
            return Receipt()
        self._last_ns = max(now_ns(), self._last_ns + 1)
        request = Request(body, tenant, self._last_ns)
        waiting = _Waiting(request, len(body), digest, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._waiting_bytes += waiting.size
        self._arrived.set()
        if self._is_worthwhile():
            self._worthwhile.set()
        # Not cancelled when the sender goes away: its group is being written.
        return await asyncio.shield(waiting.done)

    async def run(self) -> None:
        """Write group after group until `close`, then what still waits."""
        rest_seconds = 0.0
        while not (self._closing and not self._waiting):
            await self._arrived.wait()
            await self._gather(max(self._options.linger_seconds, rest_seconds))
            group = self._take()
            started = time.monotonic()
            if group:
                async with self._writing:
                    await self._write(group)
            rest_seconds = min((time.monotonic() - started) * self._options.rest_ratio, _LONGEST_REST_SECONDS)
        self._notes.clear()

    @property
    def paused(self) -> AbstractAsyncContextManager[None]:
        """A context in which no group is written: it begins when the one under way is; requests wait meanwhile."""
        return self._writing

    def rest(self, seconds: float) -> None:
        """Let what comes wait for so long from now on, unless half a group does."""
        self._resting_until = max(self._resting_until, time.monotonic() + seconds)

    def close(self) -> None:
        """Take no more requests; `run` ends when those that wait are written."""
        self._closing = True
        self._arrived.set()
        self._worthwhile.set()

    async def _gather(self, seconds: float) -> None:
        self.rest(seconds)
        while not self._worthwhile.is_set() and (left := self._resting_until - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._worthwhile.wait()

    def _is_worthwhile(self) -> bool:
        options = self._options
        return self._waiting_bytes >= options.max_group_bytes // 2 or len(self._waiting) >= options.max_group_requests

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        size = 0
        while self._waiting and len(group) < self._options.max_group_requests:
            size += self._waiting[0].size
            if group and size > self._options.max_group_bytes:
                break
            group.append(self._waiting.popleft())
            self._waiting_bytes -= group[-1].size
        if not self._waiting and not self._closing:
            self._arrived.clear()
        if not self._is_worthwhile() and not self._closing:
            self._worthwhile.clear()
        return group

    async def _write(self, group: list[_Waiting]) -> None:
        """Write a group and tell each of its senders."""
        try:
            self._notes.begin(_noted(group))
            if group := await self._scrubbed(group):
                await self._store(group)
        except BackboneError as error:
            _log.warning("group not stored", lane=self._wire.name, requests=len(group), error=str(error))
            await self._give_up(group, error)
        except OSError as error:
            _log.warning("group not noted", lane=self._wire.name, requests=len(group), error=str(error))
            await self._give_up(group, DependencyError(f"the store is not able now: {error.strerror}"))
        except Exception as error:  # noqa: BLE001 - the lane must live: the group's senders are told, the next ones served
            _log.exception("group not stored", lane=self._wire.name, requests=len(group))
            await self._give_up(group, DependencyError(f"could not be stored: {type(error).__name__}"))

    async def _scrubbed(self, group: list[_Waiting]) -> list[_Waiting]:
        """Return the group with its requests scrubbed, without those that cannot be read."""
        bodies = await self._scrub([(waiting.request.body, waiting.request.tenant) for waiting in group])
        scrubbed = []
        for waiting, body in zip(group, bodies, strict=True):
            if isinstance(body, UserInputError):
                _refuse([waiting], body)
            elif body is waiting.request.body:
                scrubbed.append(waiting)
            else:
                scrubbed.append(replace(waiting, request=replace(waiting.request, body=body)))
        return scrubbed

    async def _give_up(self, group: list[_Waiting], error: BackboneError) -> None:
        """Tell those not told yet to come again; what is stored of theirs all the same is known by then."""
        unanswered = [waiting for waiting in group if not waiting.done.done()]
        try:
            await self._notes.look_for(_noted(unanswered))
        except BackboneError as second:
            _log.warning("not known what of a group is stored", lane=self._wire.name, error=str(second))
        _refuse(unanswered, error)

    async def _store(self, group: list[_Waiting]) -> None:
        """Store a group; requests that cannot be read are parted from the others and refused."""
        requests = [waiting.request for waiting in group]
        try:
            payload = await asyncio.to_thread(self._form.payload, requests)
            await self._insert(payload)
        except Unfit as unfit:
            blamed = unfit.refused
        except RefusedByEngine as error:
            if len(group) == 1:
                _refuse(group, UserInputError(str(error)))
                return
            blamed = await self._form.blame(requests)
        else:
            self._metrics.commit_requests.labels(self._wire.name).observe(len(group))
            self._notes.written(_noted(group))
            await self._accept(group)
            return
        for index, reason in blamed.items():
            _refuse([group[index]], UserInputError(reason))
        rest = [waiting for index, waiting in enumerate(group) if index not in blamed]
        if blamed and rest:
            await self._store(rest)
        elif rest:
            # Nobody is known to be at fault, or all of them together.
            middle = len(group) // 2
            await self._store(group[:middle])
            await self._store(group[middle:])

    async def _accept(self, group: list[_Waiting]) -> None:
        receipts = await self._receipts(group)
        now = now_ns()
        for waiting in group:
            received_ns = waiting.request.received_ns
            self._metrics.ingest_lag_seconds.labels(self._wire.name).observe(seconds_from_ns(now - received_ns))
            if not waiting.done.done():
                waiting.done.set_result(receipts.get(received_ns, Receipt(received_ns=received_ns)))

    async def _insert(self, payload: Sequence[Piece]) -> None:
        token = next(self._tokens)
        for attempt in itertools.count():
            try:
                if self._astray:
                    await self._recover()
                    self._astray = False
                with self._metrics.commit_seconds.labels(self._wire.name).time():
                    await self._engine.insert(self._wire.table, self._wire.proto, payload, token=token)
            except DependencyError:
                self._astray = True
                if attempt >= self._options.retries:
                    raise
                self._metrics.commit_retries.labels(self._wire.name).inc()
                await asyncio.sleep(self._options.retry_seconds * 2**attempt)
            except RefusedByEngine as error:
                self._astray = self._astray or error.by_view
                raise
            else:
                return

    async def _receipts(self, group: list[_Waiting]) -> dict[int, Receipt]:
        """Read what the views say of the group's requests."""
        statement = Statement(
            "SELECT toUnixTimestamp64Nano(received) AS received_ns, toString(refused) AS reason, sum(items) AS items "
            "FROM ingested WHERE signal = {signal:String} AND received BETWEEN "
            "fromUnixTimestamp64Nano({first:Int64}) AND fromUnixTimestamp64Nano({last:Int64}) "
            "GROUP BY received, refused",
            {"signal": self._signal, "first": group[0].request.received_ns, "last": group[-1].request.received_ns},
        )
        receipts: dict[int, Receipt] = {}
        try:
            rows = await self._engine.rows(statement)
        except BackboneError as error:
            # The group is stored, so its senders are told so; only the counts are missing.
            _log.warning("counts of a group not read", lane=self._wire.name, error=str(error))
            return receipts
        mine = {waiting.request.received_ns for waiting in group}
        for row in rows:
            if row["received_ns"] not in mine:
                continue
            receipt = receipts.get(row["received_ns"], Receipt(received_ns=row["received_ns"]))
            if row["reason"]:
                self._metrics.refused_items.labels(self._signal, row["reason"]).inc(row["items"])
                receipt = replace(receipt, refused=receipt.refused | {row["reason"]: row["items"]})
            else:
                self._metrics.items.labels(self._signal).inc(row["items"])
                receipt = replace(receipt, stored=row["items"])
            receipts[row["received_ns"]] = receipt
        return receipts


def _noted(group: list[_Waiting]) -> list[tuple[int, bytes]]:
    return [(waiting.request.received_ns, waiting.digest) for waiting in group]


def _refuse(group: list[_Waiting], error: BackboneError) -> None:
    for waiting in group:
        if not waiting.done.done():
            waiting.done.set_exception(error)
