"""
Data directories as a first start leaves them, made once in a process and copied.

A first start plans the queries of all views, which takes the engine more than a second; most tests promise nothing
about it. Those that do begin with an empty directory (`tests.robustness.test_start_stop`, `tests.store.test_flow`).
"""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from backbone.app import Backbone
from backbone.config.load import load_config

_LITTLE = """
http: {listen: "127.0.0.1:0"}
receivers: {otlp_grpc: {enabled: false}, otlp_http: {enabled: false}}
"""
Making = Callable[[Path], Coroutine[None, None, None]]


def prepare(directory: Path, making: Making) -> None:
    """Make *directory* what *making* makes of an empty one; no engine may be open in this process."""
    shutil.copytree(_made(making), directory, symlinks=True, dirs_exist_ok=True)


@cache
def _made(making: Making) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="backbone-prepared-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    # Fixtures may be asynchronous, and a loop runs no other one inside.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(making(directory))).result()
    return directory


async def first_start(directory: Path) -> None:
    """Start a server with the default policy, and stop it."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        config.write(_LITTLE)
        config.flush()
        async with Backbone.start(load_config(Path(config.name), {"store.data_dir": str(directory)})):
            pass
