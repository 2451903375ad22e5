from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.sample.sampled import Sampled
from tests.stored import open_stored


@pytest.fixture
def sampled(tmp_path: Path) -> Iterator[Sampled]:
    with open_stored(tmp_path) as stored:
        yield Sampled(stored)
