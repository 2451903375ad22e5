"""A server under test as a process: started, watched from outside, and stopped."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import httpx
import psutil

from bench.markers import Probe
from bench.parts import PartName
from bench.transports import Target

HOST = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
RSS_SECONDS = 0.1
IDLE_SECONDS = 8.0
"""Longer than a server waits with merging what was written last: Backbone takes up to 7 s."""
IDLE_CORES = 0.1
"""A server that uses less than this is taken for idle: timers and the bench's own questions cost a little."""


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes on disk of what was sent; ``shares`` says of which, with bytes per item where only some items are in it."""

    total_bytes: int
    shares: Mapping[str, float]


class Program(Protocol):
    """A server the bench knows how to run."""

    name: str

    def version(self) -> str: ...

    def command(self, folder: Path, ports: Sequence[int]) -> list[str]:
        """Return the command line; *folder* is empty and the server's own, *ports* are three free ones."""
        ...

    def ready_url(self, ports: Sequence[int]) -> str: ...

    def target(self, part: PartName, ports: Sequence[int]) -> Target: ...

    def probes(self, part: PartName, ports: Sequence[int], start_ns: int) -> Sequence[Probe]:
        """Return the queries that show markers; the first that is answered is used."""
        ...

    def disk(self, folder: Path, ports: Sequence[int], items: int) -> Disk:
        """Return what *items* items take, once merges are over; it may ask the server to finish its files."""
        ...


class DidNotStart(Exception):  # noqa: N818 - says what happened
    """A server was not ready in time, or ended; the text has the end of its log."""


def free_ports(count: int) -> list[int]:
    listening = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in listening]
    for each in listening:
        each.close()
    return ports


def bytes_in(folder: Path, *, without: Sequence[str] = ()) -> int:
    """
    Return the bytes of all files under *folder*, those with several names once, leaving out folders named in *without*.

    Of a sparse or preallocated file only what is allocated counts, of a small one only its length.
    """
    sizes: dict[int, int] = {}
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except FileNotFoundError:  # a merge has just removed it
            continue
        if path.is_file() and not set(path.relative_to(folder).parts) & set(without):
            sizes[status.st_ino] = min(status.st_size, status.st_blocks * 512)
    return sum(sizes.values())


class ProcessTree:
    """CPU time and memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def _all(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]

    def _sum(self, measure: Callable[[psutil.Process], float]) -> float:
        total = 0.0
        for process in self._all():
            try:
                total += measure(process)
            except psutil.NoSuchProcess:
                continue
        return total

    def read_bytes(self) -> float:
        """Return what was read so far, from disk or from memory that holds files."""
        return self._sum(lambda process: process.io_counters().read_chars)

    def cpu_seconds(self) -> float:
        """Return user and system time so far, that of children who ended included."""
        return self._sum(lambda process: sum(process.cpu_times()[:4]))

    def rss_bytes(self) -> int:
        return int(self._sum(lambda process: process.memory_info().rss))


class PeakRss:
    """Samples the memory of a process tree until the context is left."""

    def __init__(self, tree: ProcessTree) -> None:
        self.peak_bytes = 0
        self._tree = tree
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(RSS_SECONDS):
            try:
                self.peak_bytes = max(self.peak_bytes, self._tree.rss_bytes())
            except psutil.NoSuchProcess:
                return


class Server:
    """A program that runs and is ready; leave the context and it is stopped."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program, self.folder = program, folder
        self.ports = free_ports(3)
        self._log = folder.with_suffix(".log")

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        command = self.program.command(self.folder, self.ports)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        self.tree = ProcessTree(self._process.pid)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_ready(self) -> None:
        url = self.program.ready_url(self.ports)
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                if httpx.get(url, timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        state = "was not ready in time" if self._process.poll() is None else f"ended with {self._process.returncode}"
        raise DidNotStart(f"{self.program.name} {state}; the end of its log:\n{self.log_end()}")

    def log_end(self, lines: int = 15) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def wait_until_idle(self, cap_seconds: float, while_waiting: Callable[[], None], rest_seconds: float = 0.0) -> bool:
        """
        Wait until the server has used next to no CPU for `IDLE_SECONDS`; return whether it came to that.

        The first *rest_seconds* count for neither these nor the cap: work may begin again after them.
        """
        first = time.monotonic() + rest_seconds
        deadline = first + cap_seconds
        used, since = self.tree.cpu_seconds(), time.monotonic()
        while time.monotonic() < deadline:
            time.sleep(0.25)
            while_waiting()
            now, used_now = time.monotonic(), self.tree.cpu_seconds()
            if used_now - used > IDLE_CORES * IDLE_SECONDS:
                used, since = used_now, now
            elif now - max(since, first) >= IDLE_SECONDS:
                return True
        return False
