"""A process may end between any two statements of a sweep, or in one; nothing is lost and nothing there twice."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from backbone.config.policy import PolicyConfig
from backbone.process import Sweeper, compile_policy, pipeline
from backbone.store.engine import Engine, Statement
from backbone.store.flow import install
from tests.process.sample.sampled import ERRORS_AND_SLOW, Sampled, tail
from tests.process.sample.streams import Trace, requests, send, traces
from tests.stored import record

SAMPLE = {
    "traces": tail(*ERRORS_AND_SLOW, {"kind": "probabilistic", "ratio": 0.2}),
    "logs": {"rules": [{"name": "quiet", "match": {"severity_below": "error"}, "drop": True}]},
}


_KEPT = Statement("SELECT 1 FROM kept_traces LIMIT 1")


class EndedError(Exception):
    """The process ended here."""


class Mortal:
    """An engine whose process ends at the nth statement that begins with some text, before or after it is done."""

    def __init__(self, engine: Engine, text: str, nth: int, *, is_done: bool) -> None:
        self._engine = engine
        self._text = text
        self._left = nth
        self._is_done = is_done

    async def rows(self, statement: Statement) -> list[dict[str, Any]]:
        return await self._engine.rows(statement)

    async def command(self, statement: Statement) -> None:
        if statement.sql.strip().startswith(self._text):
            self._left -= 1
            if self._left == 0:
                if self._is_done:
                    await self._engine.command(statement)
                raise EndedError
        await self._engine.command(statement)


async def _send(sampled: Sampled, tenant: str, sent: list[Trace], parts: int) -> None:
    """Send the traces, each with a log record for every span, part by part."""
    chance = random.Random(parts)
    for number, request in enumerate(requests(chance, sent, sampled.now_ns, parts)):
        received = sampled.now_ns + 1000 * number
        await send(sampled.stored, tenant, request, received)
        spans = [one for of_service in request.values() for one in of_service]
        records = [record(f"{one.span_id.hex()}", trace_id=one.trace_id, span_id=one.span_id) for one in spans]
        await sampled.stored.logs(tenant, "all", *records, received_ns=received)


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("text", "nth"),
    [
        pytest.param("INSERT INTO decisions", 1, id="deciding"),
        pytest.param("INSERT INTO decisions", 2, id="deciding again"),
        pytest.param("INSERT INTO spans", 2, id="moving spans"),
        pytest.param("INSERT INTO logs", 2, id="moving records"),
        pytest.param("INSERT INTO logs", 3, id="moving records again"),
        pytest.param("INSERT INTO findings", 1, id="counting"),
        pytest.param("INSERT INTO findings", 2, id="counting the second batch"),
        pytest.param("ALTER TABLE spans_waiting", 1, id="forgetting spans"),
        pytest.param("ALTER TABLE logs_waiting", 1, id="forgetting records"),
    ],
)
async def test_end_at_any_statement_loses_nothing_and_doubles_nothing(
    sampled: Sampled, text: str, nth: int, is_done: bool
) -> None:
    sent = traces(random.Random(nth), 20)
    await sampled.use(SAMPLE, Mortal(sampled.stored.engine, text, nth, is_done=is_done))  # type: ignore[arg-type]
    await _send(sampled, "t", sent[:10], 2)
    await sampled.pass_seconds(1)
    # What comes now has waited less than those before when the process ends.
    await _send(sampled, "t", sent[10:], 2)
    with pytest.raises(EndedError):
        await sampled.pass_seconds(20, step=2)
    await sampled.use(SAMPLE)
    await sampled.pass_seconds(15, step=3)

    await _check(sampled, "t", sent)


async def _check(sampled: Sampled, tenant: str, sent: list[Trace]) -> None:
    kept = sorted(trace.trace_id for trace in sent if trace.is_kept(0.2))
    spans = await sampled.rows(
        "SELECT lower(hex(trace_id)) AS trace, count() AS spans, uniqExact(span_id) AS different FROM spans "
        "WHERE tenant = {t:String} GROUP BY trace ORDER BY trace",
        t=tenant,
    )
    assert spans == [{"trace": trace, "spans": 4, "different": 4} for trace in kept], tenant
    logs = await sampled.rows(
        "SELECT lower(hex(trace_id)) AS trace, count() AS records, uniqExact(body) AS different FROM logs "
        "WHERE tenant = {t:String} GROUP BY trace ORDER BY trace",
        t=tenant,
    )
    assert logs == [{"trace": trace, "records": 4, "different": 4} for trace in kept], tenant
    left_out = await sampled.rows(
        "SELECT rule, sum(f.items) AS items FROM findings AS f WHERE tenant = {t:String} GROUP BY rule ORDER BY rule",
        t=tenant,
    )
    items = 4 * (len(sent) - len(kept))
    assert left_out == [{"rule": "quiet", "items": items}, {"rule": "tail", "items": items}], tenant
    waiting = "SELECT (SELECT count() FROM spans_waiting) + (SELECT count() FROM logs_waiting)"
    assert await sampled.values(waiting) == [0]


class Interrupting:
    """An engine in which another policy is put in force as soon as may be when a sweep knows what is kept."""

    def __init__(self, sampled: Sampled) -> None:
        self._engine = sampled.stored.engine
        self._sampled = sampled
        self.replacing: asyncio.Task[None] | None = None

    async def rows(self, statement: Statement) -> list[dict[str, Any]]:
        return await self._engine.rows(statement)

    async def command(self, statement: Statement) -> None:
        await self._engine.command(statement)
        is_known = statement.sql.strip().startswith("INSERT INTO kept_traces") and await self._engine.rows(_KEPT)
        if is_known and self.replacing is None:
            self.replacing = asyncio.create_task(self._replace(self._sampled.sweeper))
            await asyncio.wait([self.replacing], timeout=1)

    async def _replace(self, sweeper: Sweeper) -> None:
        config = PolicyConfig.model_validate({"sample": SAMPLE | {"logs": {"rules": []}}})
        async with sweeper.paused:
            await install(self._engine, pipeline(compile_policy(config)))


async def test_policy_that_is_replaced_in_the_midst_of_a_sweep_loses_nothing(sampled: Sampled) -> None:
    sent = traces(random.Random(7), 20)
    interrupting = Interrupting(sampled)
    await sampled.use(SAMPLE, interrupting)  # type: ignore[arg-type]
    await _send(sampled, "t", sent, 2)
    await sampled.pass_seconds(20, step=2)
    assert interrupting.replacing is not None
    await interrupting.replacing

    await _check(sampled, "t", sent)


async def test_restart_counts_the_wait_anew_so_that_what_senders_kept_back_still_decides(sampled: Sampled) -> None:
    await sampled.use(SAMPLE)
    [trace] = traces(random.Random(3), 1)
    quick = Trace(trace.trace_id, is_failed=False, is_slow=False)
    failed = Trace(trace.trace_id, is_failed=True, is_slow=False)
    first, *others = failed.spans(sampled.now_ns)
    assert not quick.is_kept(0.2)
    await send(sampled.stored, "t", {first[0]: [first[1]]}, sampled.now_ns)
    await sampled.pass_seconds(1)
    sampled.now_ns += 3_600 * 10**9
    await sampled.use(SAMPLE)
    await sampled.pass_seconds(1)
    for service, one in others:
        await send(sampled.stored, "t", {service: [one]}, sampled.now_ns)
    await sampled.pass_seconds(5)

    assert await sampled.values("SELECT count() FROM spans") == [4]


async def test_sweep_that_failed_is_made_good_by_the_next(sampled: Sampled) -> None:
    sent = traces(random.Random(5), 20)
    await sampled.use(SAMPLE)
    await _send(sampled, "t", sent, 2)
    for text in ("INSERT INTO spans", "INSERT INTO findings", "ALTER TABLE spans_waiting"):
        sampled.sweeper._engine = Mortal(sampled.stored.engine, text, 1, is_done=True)  # type: ignore[assignment]
        with pytest.raises(EndedError):
            await sampled.pass_seconds(4)
    sampled.sweeper._engine = sampled.stored.engine
    await sampled.pass_seconds(14, step=2)

    await _check(sampled, "t", sent)
