"""Debian's Prometheus, run beside a test."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cramjam
import httpx
import pytest

from backbone.query.remote_read import write_request
from tests.conftest import free_port

needs_prometheus = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="Debian's prometheus is not installed"),
]

_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}

Data = Sequence[tuple[Mapping[str, str], Sequence[tuple[int, float]]]]
"""Series with their samples: milliseconds and value."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server."""

    url: str

    async def write(self, data: Data) -> None:
        """Send samples; they must be newer than what the server has of the series."""
        body = write_request((dict(sorted(labels.items())), points) for labels, points in data)
        async with httpx.AsyncClient() as client:
            packed = bytes(cramjam.snappy.compress_raw(body))
            answer = await client.post(f"{self.url}/api/v1/write", content=packed, headers=_HEADERS)
            assert answer.is_success, answer.text


@contextlib.contextmanager
def open_prometheus(directory: Path, config: str = "global: {}\n") -> Iterator[Prometheus]:
    """Run a server that takes remote write, for as long as the context lasts."""
    directory.mkdir()
    (directory / "prometheus.yml").write_text(config)
    port = free_port()
    command = [
        "prometheus",
        "--web.enable-remote-write-receiver",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
    ]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url)
            yield Prometheus(url)
        finally:
            # Asked to end, it would wait for servers that nobody runs while this process waits for it.
            process.kill()


def _wait_until_ready(url: str) -> None:
    for _ in range(600):
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/-/ready").is_success:
                return
        time.sleep(0.05)
    raise AssertionError(f"{url} does not get ready")
