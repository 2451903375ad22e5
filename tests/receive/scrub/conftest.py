"""An engine with what the rules of a policy ask it for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from backbone.process.redact import redaction
from backbone.store.embedded import EmbeddedEngine, EmbeddedOptions
from backbone.store.engine import Statement
from tests.process.redact.scrubbing import KEY, config


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    opened = EmbeddedEngine.open(tmp_path_factory.mktemp("requests"), EmbeddedOptions(connections=2))
    for table in redaction(config(), KEY).recalls:
        asyncio.run(opened.command(Statement(f"CREATE TABLE {table.name} ({table.columns}) ENGINE = {table.engine}")))
        asyncio.run(opened.command(Statement(f"INSERT INTO {table.name} {table.fill}")))
    yield opened
    asyncio.run(opened.close())
