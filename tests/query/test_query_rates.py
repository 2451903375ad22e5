"""What comes in now, from what is written about it."""

from __future__ import annotations

import pytest

from backbone.model.time import NANOSECONDS_PER_SECOND, now_ns
from backbone.query.rates import read_rates
from backbone.store.engine import DEFAULT_LIMITS, Statement
from tests.stored import Stored, record, span

_S = NANOSECONDS_PER_SECOND


async def test_rates_are_by_signal_and_service(stored: Stored) -> None:
    tenant, now = stored.tenant(), now_ns()
    for age, items in ((2, 10), (40, 50), (90, 999)):
        spans = [span("e1", "op", at_ns=now - age * _S, identity=n + 1) for n in range(items)]
        await stored.spans(tenant, "shop", *spans, received_ns=now - age * _S)
    await stored.logs(tenant, "bank", record("x"), received_ns=now - 30 * _S)
    await stored.spans(stored.tenant(), "shop", span("e2", "op", at_ns=now), received_ns=now - _S)

    found = await read_rates(stored.engine, tenant, now, DEFAULT_LIMITS)

    rates = {(r.signal, r.service): (r.per_second_10s, r.per_second_60s, r.idle_seconds) for r in found.rates}
    assert rates == {("traces", "shop"): (1.0, 1.0, 2.0), ("logs", "bank"): (0.0, 1 / 60, 30.0)}


async def test_refused_items_are_counted_by_reason(stored: Stored) -> None:
    tenant, now = stored.tenant(), now_ns()
    for reason, items in (("decode", 3), ("decode", 4), ("busy", 1)):
        await stored.engine.command(
            Statement(
                "INSERT INTO ingested SELECT {t:String}, fromUnixTimestamp64Nano({at:Int64}, 'UTC'), 'logs', 's', "
                "{reason:String}, {items:UInt64}",
                {"t": tenant, "at": now - _S, "reason": reason, "items": items},
            )
        )

    found = await read_rates(stored.engine, tenant, now, DEFAULT_LIMITS)

    assert {(r.reason, r.items) for r in found.refused} == {("decode", 7), ("busy", 1)}
    assert found.rates == []


async def test_lag_is_from_the_event_to_its_arrival(stored: Stored) -> None:
    tenant, now = stored.tenant(), now_ns()
    late = span("e3", "op", at_ns=now - 5 * _S, ms=1000)
    await stored.spans(tenant, "shop", late, received_ns=now - _S)
    await stored.logs(tenant, "shop", record("x", at_ns=now - 10 * _S), received_ns=now - _S)

    found = await read_rates(stored.engine, tenant, now, DEFAULT_LIMITS)

    lags = {lag.signal: lag.median_seconds for lag in found.lags}
    assert lags == {"traces": pytest.approx(3.0), "logs": pytest.approx(9.0)}


async def test_nothing_that_came_has_no_lag(stored: Stored) -> None:
    found = await read_rates(stored.engine, stored.tenant(), now_ns(), DEFAULT_LIMITS)

    assert (found.rates, found.refused, found.lags) == ([], [], [])
