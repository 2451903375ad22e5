"""A process under test is started, watched and stopped; tried with a small web server of Python's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil
import pytest
from bench.markers import Probe, first_answered, loki_probe, promql_probe
from bench.parts import PartName
from bench.server import HOST, DidNotStart, Disk, PeakRss, Server, bytes_in
from bench.transports import Target

SPINS = "import sys, http.server, time; t = time.process_time()\nwhile time.process_time() - t < 0.3: pass\n"
SERVES = "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind=sys.argv[2])"


class Web:
    """Serves an empty folder, after 0.3 seconds of work."""

    name = "web"

    def __init__(self, program: str = SPINS + SERVES) -> None:
        self._program = program

    def version(self) -> str:
        return "1"

    def command(self, folder: Path, ports: Sequence[int]) -> list[str]:
        (folder / "api").mkdir()
        return [sys.executable, "-c", f"import os; os.chdir({str(folder)!r}); {self._program}", str(ports[0]), HOST]

    def ready_url(self, ports: Sequence[int]) -> str:
        return f"http://{HOST}:{ports[0]}/api/"

    def target(self, part: PartName, ports: Sequence[int]) -> Target:
        return Target("http", HOST, ports[0], f"/{part}", {})

    def probes(self, part: PartName, ports: Sequence[int], start_ns: int) -> Sequence[Probe]:
        return []

    def disk(self, folder: Path, ports: Sequence[int], items: int) -> Disk:
        return Disk(bytes_in(folder), {})


def test_a_server_is_ready_watched_and_gone_afterwards(tmp_path: Path) -> None:
    with Server(Web(), tmp_path / "web") as server:
        pid = server._process.pid
        with PeakRss(server.tree) as rss:
            assert server.wait_until_idle(60, lambda: None)
        used = server.tree.cpu_seconds()

        assert 0.3 <= used < 5
        assert rss.peak_bytes > 1 << 20
    assert not psutil.pid_exists(pid)


def test_a_server_that_ends_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(DidNotStart, match=r"web ended with 3; the end of its log:\n.*no such luck"):
        Server(Web("import sys; print('no such luck', file=sys.stderr); sys.exit(3)"), tmp_path / "web").__enter__()


def test_the_first_query_that_is_answered_shows_the_markers(tmp_path: Path) -> None:
    with Server(Web(), tmp_path / "web") as server:
        base = f"http://{HOST}:{server.ports[0]}"
        (server.folder / "loki/api/v1").mkdir(parents=True)
        (server.folder / "loki/api/v1/query_range").write_text('["marker-3"]')

        assert httpx.get(f"{base}/api/v1/query").status_code == 404
        assert first_answered([promql_probe(base, end_s=0), loki_probe(base)]) == loki_probe(base)
        assert first_answered([promql_probe(base, end_s=0)]) is None


def test_bytes_are_counted_once_per_file_and_holes_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "part").write_bytes(b"x" * 1000)
    os.link(tmp_path / "data" / "part", tmp_path / "data" / "same-part")
    (tmp_path / "wal").mkdir()
    (tmp_path / "wal" / "segment").write_bytes(b"x" * 10)
    with (tmp_path / "data" / "preallocated").open("wb") as sparse:
        sparse.truncate(1 << 20)

    assert bytes_in(tmp_path) == 1010
    assert bytes_in(tmp_path, without=["wal"]) == 1000
