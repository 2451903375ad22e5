"""A server in a process of its own, which a test may kill, starve or stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.conftest import free_port
from tests.prepared import first_start, prepare

START_SECONDS = 60.0


@dataclass(slots=True)
class ServerProcess:
    """`backbone serve` on fixed ports and one data directory, started as often as a test likes."""

    data_dir: Path
    options: str = ""
    """More of the configuration, as YAML."""
    http_port: int = field(default_factory=free_port)
    grpc_port: int = field(default_factory=free_port)
    otlp_http_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process without waiting for it; what it prints goes to a file beside the data."""
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        config = self.data_dir.with_suffix(".yaml")
        config.write_text(self.options or "{}\n")
        command = [sys.executable, "-m", "backbone", "serve", "--config", str(config)]
        command += ["--data-dir", str(self.data_dir), "--http", f"127.0.0.1:{self.http_port}"]
        command += ["--otlp-grpc", f"127.0.0.1:{self.grpc_port}", "--otlp-http", f"127.0.0.1:{self.otlp_http_port}"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        return self.process

    @property
    def log(self) -> Path:
        return self.data_dir.with_suffix(".log")

    async def start(self) -> None:
        """Start the process and wait until it is ready."""
        process = self.launch()
        async with httpx.AsyncClient(base_url=self.url, timeout=5) as client, asyncio.timeout(START_SECONDS):
            while True:
                assert process.poll() is None, f"the server ended: {self.log.read_text()[-2000:]}"
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("/-/ready")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """End the process as a crash would."""
        assert self.process is not None
        self.process.kill()
        await asyncio.to_thread(self.process.wait)

    async def stop(self, seconds: float = 30.0) -> int:
        """Ask the process to end and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, seconds)

    def resident_bytes(self) -> int:
        return int(psutil.Process(self.pid).memory_info().rss)

    def cpu_seconds(self) -> float:
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


@contextlib.asynccontextmanager
async def running(data_dir: Path, options: str = "") -> AsyncIterator[ServerProcess]:
    """
    Run a server for as long as the context lasts; it is killed at the end if it still lives.

    Where there is no data directory yet, it begins with one as a first start leaves it.
    """
    if not data_dir.exists():
        prepare(data_dir, first_start)
    server = ServerProcess(data_dir, options)
    try:
        await server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            await server.kill()


def is_root() -> bool:
    return os.geteuid() == 0
