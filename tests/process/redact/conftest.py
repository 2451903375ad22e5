"""An engine whose pipeline scrubs as the default policy says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stored import Stored, open_stored


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    with open_stored(tmp_path_factory.mktemp("redact")) as opened:
        yield opened
