"""An engine that reads blocks back; it needs no tables for that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from backbone.store.embedded import EmbeddedEngine, EmbeddedOptions


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    opened = EmbeddedEngine.open(tmp_path_factory.mktemp("rows"), EmbeddedOptions(connections=1))
    yield opened
    asyncio.run(opened.close())
