from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.robustness.bodies import KINDS, PATHS, Items, body
from tests.robustness.counting import differences
from tests.robustness.mutate import PROTOBUF
from tests.robustness.process import running
from tests.robustness.senders import Load

_DISK = "64m"
_QUICK_RETRIES = "commit: {retries: 1, linger: 0s}\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 64 MiB for the test."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _fill(disk: Path) -> Path:
    """Take all space there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return ballast


async def test_full_disk_is_told_to_senders_and_passes_without_restart(small_disk: Path) -> None:
    load = Load()
    data = small_disk / "data"
    async with running(data, _QUICK_RETRIES) as server, httpx.AsyncClient(base_url=server.url, timeout=60) as client:

        async def send(items: Items, content: bytes) -> httpx.Response:
            answer = await client.post(PATHS[items.kind], content=content, headers={"content-type": PROTOBUF})
            if answer.status_code in {200, 204}:
                load.acknowledged[items.kind].update(items.ids)
            return answer

        before = [Items(kind, 9, 0, 5) for kind in KINDS]
        during = [Items(kind, 9, 5, 5) for kind in KINDS]
        assert {(await send(items, body(items))).status_code for items in before} <= {200, 204}

        ballast = _fill(small_disk)
        bodies = [body(items) for items in during]
        refused = await asyncio.gather(*(send(*pair) for pair in zip(during, bodies, strict=True)))
        assert {answer.status_code for answer in refused} == {503}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert (await client.get("/-/healthy")).status_code == 200

        ballast.unlink()
        accepted = await asyncio.gather(*(send(*pair) for pair in zip(during, bodies, strict=True)))
        assert {answer.status_code for answer in accepted} <= {200, 204}
        assert await server.stop() == 0

    assert await differences(data, load) == []
