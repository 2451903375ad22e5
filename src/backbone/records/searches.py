"""Searches that people saved under a name, and links to searches: the same search always has the same link."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from backbone.model.errors import LimitExceeded
from backbone.records.database import Records
from backbone.records.tables import SEARCHES

Signal = Literal["logs", "traces", "metrics"]
MAX_SEARCHES = 10_000
"""Of a tenant."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched, by whose language, and when; ``name`` is empty of one that is only linked to."""

    signal: Signal
    query: str
    since: str
    until: str
    name: str = ""

    @property
    def id(self) -> str:
        """The link: 16 hexadecimal digits of what it is, its name apart."""
        content = f"{self.signal}\0{self.query}\0{self.since}\0{self.until}"
        return hashlib.sha256(content.encode()).hexdigest()[:16]


class Searches:
    """The searches of all tenants."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def save(self, tenant: str, search: Search) -> str:
        """
        Keep a search and return its id; one that is there already gets the name, if any.

        Raises:
            LimitExceeded: the tenant has as many as it may.
        """

        def saved(connection: Connection) -> None:
            here = (SEARCHES.c.tenant == tenant) & (SEARCHES.c.id == search.id)
            if connection.execute(select(SEARCHES.c.id).where(here)).first():
                if search.name:
                    connection.execute(update(SEARCHES).where(here).values(name=search.name))
                return
            owned = select(SEARCHES.c.id).where(SEARCHES.c.tenant == tenant).limit(MAX_SEARCHES)
            if len(connection.execute(owned).all()) >= MAX_SEARCHES:
                raise LimitExceeded(f"tenant '{tenant}' has {MAX_SEARCHES} searches, delete some", limit="searches")
            created = datetime.now(UTC).replace(tzinfo=None)
            values = {name: getattr(search, name) for name in ("id", "name", "signal", "query", "since", "until")}
            connection.execute(insert(SEARCHES).values(tenant=tenant, created=created, **values))

        await self._records.run(saved)
        return search.id

    async def named(self, tenant: str) -> list[Search]:
        """Return the searches that have a name, by name."""

        def found(connection: Connection) -> list[Search]:
            wanted = (SEARCHES.c.tenant == tenant) & (SEARCHES.c.name != "")
            rows = connection.execute(select(SEARCHES).where(wanted).order_by(SEARCHES.c.name, SEARCHES.c.id))
            return [Search(row.signal, row.query, row.since, row.until, row.name) for row in rows]

        return await self._records.run(found)

    async def get(self, tenant: str, search_id: str) -> Search | None:
        """Return a search by its id, None where there is none."""

        def found(connection: Connection) -> Search | None:
            wanted = (SEARCHES.c.tenant == tenant) & (SEARCHES.c.id == search_id)
            row = connection.execute(select(SEARCHES).where(wanted)).first()
            return None if row is None else Search(row.signal, row.query, row.since, row.until, row.name)

        return await self._records.run(found)

    async def delete(self, tenant: str, search_id: str) -> bool:
        """Forget a search; return whether it was there."""

        def deleted(connection: Connection) -> bool:
            wanted = (SEARCHES.c.tenant == tenant) & (SEARCHES.c.id == search_id)
            return connection.execute(delete(SEARCHES).where(wanted)).rowcount > 0

        return await self._records.run(deleted)
