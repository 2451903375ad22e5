"""Saved searches outlive the program, and are their tenant's alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from backbone.model.errors import LimitExceeded, StartError
from backbone.records import searches as module
from backbone.records.database import Records
from backbone.records.searches import Search, Searches
from backbone.records.tables import METADATA

_ERRORS = Search("logs", "error service:relay", "1h", "now", "errors of the relay")
_SLOW = Search("traces", "{ duration > 1s }", "2026-11-24T00:00:00Z", "2026-11-24T01:00:00Z")


async def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    async with Records.open(tmp_path) as records:
        ids = [await Searches(records).save("t", search) for search in (_ERRORS, _SLOW)]
    async with Records.open(tmp_path) as records:
        searches = Searches(records)

        assert [await searches.get("t", one) for one in ids] == [_ERRORS, _SLOW]
        assert await searches.named("t") == [_ERRORS]
        assert await searches.get("u", ids[0]) is None
        assert await searches.named("u") == []
        assert await searches.delete("u", ids[0]) is False
        assert await searches.delete("t", ids[0]) is True
        assert await searches.get("t", ids[0]) is None


async def test_the_same_search_has_one_link_and_takes_a_name_later(tmp_path: Path) -> None:
    async with Records.open(tmp_path) as records:
        searches = Searches(records)
        nameless = Search(_ERRORS.signal, _ERRORS.query, _ERRORS.since, _ERRORS.until)

        first = await searches.save("t", nameless)
        second = await searches.save("t", _ERRORS)
        third = await searches.save("t", nameless)

        assert first == second == third
        assert await searches.named("t") == [_ERRORS]


async def test_a_tenant_has_so_many_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SEARCHES", 1)
    async with Records.open(tmp_path) as records:
        searches = Searches(records)
        await searches.save("t", _ERRORS)
        await searches.save("t", _ERRORS)
        await searches.save("u", _SLOW)

        with pytest.raises(LimitExceeded, match="tenant 't' has 1 searches"):
            await searches.save("t", _SLOW)


async def test_records_of_a_newer_program_are_refused(tmp_path: Path) -> None:
    async with Records.open(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "records.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StartError, match="records are at revision 9999"):
        async with Records.open(tmp_path):
            pass


async def test_the_history_leads_to_the_tables(tmp_path: Path) -> None:
    async with Records.open(tmp_path) as records:
        found = await records.run(lambda connection: compare_metadata(MigrationContext.configure(connection), METADATA))

    assert found == []
