"""
The tables' history: numbered SQL files, applied once each at start, in order.

A data directory that a newer program wrote is refused rather than guessed at. Tables that keep nothing, and the views
between them, are not part of the history: `backbone.store.flow` makes them anew at each start.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

from backbone.model.errors import StartError
from backbone.store.engine import Engine, Statement

_NAME = re.compile(r"(\d{4})_\w+\.sql")
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    statements: tuple[str, ...]


def migrations() -> tuple[Migration, ...]:
    """Return all migrations in order."""
    found = []
    for file in (files(__package__) / "schema").iterdir():
        if match := _NAME.fullmatch(file.name):
            text = _COMMENT.sub("", file.read_text())
            statements = tuple(part.strip() for part in text.split(";\n") if part.strip())
            found.append(Migration(int(match[1]), file.name, statements))
    return tuple(sorted(found, key=lambda migration: migration.number))


async def migrate(engine: Engine) -> int:
    """
    Bring the tables up to date and return the number of migrations applied.

    Raises:
        StartError: the data is newer than this program.
    """
    await engine.command(
        Statement(
            "CREATE TABLE IF NOT EXISTS migrations (number UInt16, name String, applied DateTime64(3, 'UTC') "
            "DEFAULT now64(3)) ENGINE = MergeTree ORDER BY number"
        )
    )
    known = migrations()
    rows = await engine.rows(Statement("SELECT DISTINCT number FROM migrations"))
    applied = {row["number"] for row in rows}
    newest = known[-1].number
    if applied and max(applied) > newest:
        raise StartError(
            f"store.data_dir: the data is at schema {max(applied)}, this program knows schemas up to {newest}; "
            "use a newer backbone, or another directory with --data-dir"
        )
    missing = [migration for migration in known if migration.number not in applied]
    for migration in missing:
        for statement in migration.statements:
            # A crash may have left a migration half done; each statement can be said twice.
            await engine.command(Statement(statement.replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1)))
        await engine.command(
            Statement(
                "INSERT INTO migrations (number, name) SELECT {number:UInt16}, {name:String}",
                {"number": migration.number, "name": migration.name},
            )
        )
    return len(missing)
