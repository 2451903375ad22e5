from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

from tests.conftest import Server, StartServer


class StartGoverned(Protocol):
    def __call__(self, policy: str) -> AbstractAsyncContextManager[Server]: ...


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


@pytest.fixture
def governed(start_server: StartServer, policy_file: Path) -> StartGoverned:
    """Start a server with a policy, given as YAML; it may be started again on the same data."""

    @asynccontextmanager
    async def start(policy: str) -> AsyncIterator[Server]:
        policy_file.write_text(policy)
        async with start_server(policy__file=str(policy_file)) as server:
            yield server

    return start
