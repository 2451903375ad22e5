"""Searches that people save or link to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "searches",
        sa.Column("tenant", sa.String(150), nullable=False),
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("signal", sa.String(20), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("since", sa.String(60), nullable=False),
        sa.Column("until", sa.String(60), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_searches"),
    )
    op.create_index("ix_searches_name", "searches", ["tenant", "name"])
