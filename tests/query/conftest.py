from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stored import Stored, open_stored


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    # One process has one data directory open at a time, so no wider than a module.
    with open_stored(tmp_path_factory.mktemp("stored"), governed=False) as stored:
        yield stored
