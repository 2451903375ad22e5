"""The tables of records, as they are now; `history` holds how they came to be so."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, MetaData, String, Table, Text

METADATA = MetaData(naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_name)s"})

SEARCHES = Table(
    "searches",
    METADATA,
    Column("tenant", String(150), primary_key=True),
    Column("id", String(16), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("signal", String(20), nullable=False),
    Column("query", Text, nullable=False),
    Column("since", String(60), nullable=False),
    Column("until", String(60), nullable=False),
    Column("created", DateTime, nullable=False),
)
"""Searches that were saved, or only linked to, which have no name."""
Index("ix_searches_name", SEARCHES.c.tenant, SEARCHES.c.name)
