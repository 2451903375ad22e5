"""Labels that are asked for again and again get columns."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from backbone.model.time import now_ns
from backbone.query.logql.columns import LabelColumns, label_columns
from backbone.query.logql.fields import top_values
from backbone.query.logql.learning import ColumnLearner, ColumnOptions
from backbone.query.logql.streams import EVERYTHING
from backbone.store.engine import QueryLimits, Statement
from tests.stored import Stored

_RECORDS = 12_000
_WINDOW = (now_ns() - 10**12, now_ns() + 10**12)


@pytest.fixture
async def columns(stored: Stored) -> AsyncIterator[LabelColumns]:
    columns = label_columns(stored.engine)
    yield columns
    for label in columns.names:
        await columns.drop(stored.engine, label)
    columns.asked.clear()
    columns.last.clear()


async def _store(stored: Stored) -> str:
    """Store records with an attribute of few texts, one of many, and one that few have."""
    tenant = stored.tenant()
    await stored.engine.command(
        Statement(
            "INSERT INTO logs (tenant, received, service, time, attributes, resource) "
            "SELECT {tenant:String}, now64(9), 'relay', now64(9), "
            "map('http.route', concat('/', toString(number % 7)), 'request.id', toString(number), "
            "'rare.key', if(number % 1000 = 0, 'x', '')), map('host.name', 'h1') "
            f"FROM numbers({_RECORDS})",
            {"tenant": tenant},
        )
    )
    return tenant


async def _top(stored: Stored, tenant: str, label: str) -> list[tuple[str, int]]:
    return await top_values(stored.engine, tenant, EVERYTHING, _WINDOW, label=label, limit=10, limits=QueryLimits())


@pytest.mark.parametrize(
    ("label", "times", "learned"),
    [
        pytest.param("http_route", 2, True, id="asked for twice"),
        pytest.param("http_route", 1, False, id="asked for once"),
        pytest.param("host_name", 2, True, id="an attribute of the resource"),
        pytest.param("request_id", 2, False, id="a text of its own in each record"),
        pytest.param("rare_key", 2, False, id="hardly any record has it"),
        pytest.param("nowhere", 2, False, id="no record has it"),
        pytest.param("service_name", 2, False, id="a column already"),
        pytest.param("trace_id", 2, False, id="no attribute"),
        pytest.param("`; DROP TABLE logs", 2, False, id="no label's name"),
    ],
)
async def test_what_is_asked_for_is_learned(
    stored: Stored, columns: LabelColumns, label: str, times: int, learned: bool
) -> None:
    tenant = await _store(stored)
    learner = ColumnLearner(stored.engine, ColumnOptions(learned=1))
    for _ in range(times):
        columns.last.clear()
        before = await _top(stored, tenant, label)

    await learner.learn()

    assert columns.names == ({label} if learned else frozenset())
    assert await _top(stored, tenant, label) == before


async def test_answers_do_not_depend_on_columns(stored: Stored, columns: LabelColumns) -> None:
    tenant = await _store(stored)
    before = await _top(stored, tenant, "http_route")

    await columns.add(stored.engine, "http_route")
    added = await _top(stored, tenant, "http_route")
    await stored.engine.command(
        Statement("ALTER TABLE logs MATERIALIZE COLUMN `label:http_route` SETTINGS mutations_sync = 1")
    )
    filled = await _top(stored, tenant, "http_route")
    await stored.engine.command(
        Statement("INSERT INTO logs SELECT * FROM logs WHERE tenant = {t:String}", {"t": tenant})
    )

    assert before == added == filled
    assert await _top(stored, tenant, "http_route") == [(route, 2 * lines) for route, lines in before]


async def test_named_attributes_have_columns_from_the_start(stored: Stored, columns: LabelColumns) -> None:
    await ColumnLearner(stored.engine, ColumnOptions(["http.route", "service.name"])).begin()
    columns.names = frozenset()

    await ColumnLearner(stored.engine, ColumnOptions(["http.route"])).begin()

    assert columns.names == {"http_route"}


async def test_there_are_no_more_columns_than_may_be(stored: Stored, columns: LabelColumns) -> None:
    tenant = await _store(stored)
    await columns.add(stored.engine, "queue_name")
    learner = ColumnLearner(stored.engine, ColumnOptions(learned=1))
    for _ in range(2):
        columns.last.clear()
        await _top(stored, tenant, "http_route")

    await learner.learn()
    assert columns.names == {"queue_name"}

    columns.last["queue_name"] -= 2 * 86_400
    await learner.learn()
    assert columns.names == {"http_route"}
