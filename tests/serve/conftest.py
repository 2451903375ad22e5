from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.applications import Starlette

from backbone.records.searches import Searches
from tests.serve.asking import asking_app, open_searches
from tests.stored import Stored, open_stored


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    # One process has one data directory open at a time, so no wider than a module.
    with open_stored(tmp_path_factory.mktemp("stored"), governed=False) as stored:
        yield stored


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searches]:
    with open_searches(tmp_path_factory.mktemp("records")) as searches:
        yield searches


@pytest.fixture(scope="module")
def app(stored: Stored, searches: Searches) -> Starlette:
    return asking_app(stored, searches)


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://backbone") as client:
        yield client
