"""The servers the bench knows: Backbone, and the peers Debian packages, on the same remote-write bodies."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import httpx

from bench import markers
from bench.markers import Probe
from bench.parts import PartName
from bench.server import HOST, Disk, Program, bytes_in
from bench.transports import Target

Otlp = Literal["grpc", "http"]
"""The door of Backbone for what comes as OTLP."""
REMOTE_WRITE_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
OTLP_HEADERS = {"Content-Type": "application/x-protobuf"}
GRPC_METHODS: dict[PartName, str] = {
    "spans": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "points": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
HTTP_PATHS: dict[PartName, str] = {"spans": "/v1/traces", "logs": "/v1/logs", "points": "/v1/metrics"}
DAY_S = 86_400
FORCED_MERGE_SECONDS = 60.0
TABLE_BYTES = re.compile(r'^backbone_store_table_bytes\{table="(\w+)"\} (\S+)$', re.MULTILINE)


def _url(port: int, path: str = "") -> str:
    return f"http://{HOST}:{port}{path}"


def _remote_write(port: int) -> Target:
    return Target("http", HOST, port, "/api/v1/write", REMOTE_WRITE_HEADERS)


def _promql_probe(port: int, start_ns: int) -> Probe:
    """Return a probe for the markers of the day from *start_ns* on."""
    return markers.promql_probe(_url(port), end_s=start_ns // 1_000_000_000 + DAY_S)


class Backbone:
    """`backbone serve`, as a newcomer starts it."""

    name = "backbone"

    def __init__(self, otlp: Otlp, config: Path | None = None) -> None:
        self._otlp = otlp
        self._config = config

    def version(self) -> str:
        return f"{importlib.metadata.version('backbone')}, engine {importlib.metadata.version('chdb-core')}"

    def command(self, folder: Path, ports: Sequence[int]) -> list[str]:
        http, grpc, otlp = (f"{HOST}:{port}" for port in ports)
        doors = ["--http", http, "--otlp-grpc", grpc, "--otlp-http", otlp]
        config = ["--config", str(self._config)] if self._config else []
        return [sys.executable, "-m", "backbone", "serve", *config, "--data-dir", str(folder / "data"), *doors]

    def ready_url(self, ports: Sequence[int]) -> str:
        return _url(ports[0], "/-/ready")

    def target(self, part: PartName, ports: Sequence[int]) -> Target:
        if part == "samples":
            return _remote_write(ports[0])
        if self._otlp == "grpc":
            return Target("grpc", HOST, ports[1], GRPC_METHODS[part], {})
        return Target("http", HOST, ports[2], HTTP_PATHS[part], OTLP_HEADERS)

    def probes(self, part: PartName, ports: Sequence[int], start_ns: int) -> Sequence[Probe]:
        url = _url(ports[0])
        by_sql = markers.sql_probe(url, part)
        match part:
            case "spans":
                return [by_sql, markers.tempo_probe(url)]
            case "logs":
                return [by_sql, markers.loki_probe(url)]
            case "points" | "samples":
                return [_promql_probe(ports[0], start_ns), by_sql]

    def disk(self, folder: Path, ports: Sequence[int], items: int) -> Disk:
        """Return the bytes of the parts in use; merged ones wait some minutes to be deleted, and are named apart."""
        metrics = httpx.get(_url(ports[0], "/metrics"), timeout=30).raise_for_status().text
        tables = sorted(
            ((table, float(size)) for table, size in TABLE_BYTES.findall(metrics)), key=lambda pair: -pair[1]
        )
        shares = {table: size / items for table, size in tables}
        shares["all files, merged parts too"] = bytes_in(folder) / items
        return Disk(int(sum(size for _, size in tables)), shares)


class Prometheus:
    """Debian's Prometheus as a remote-write receiver."""

    name = "prometheus"
    package = "prometheus"

    def version(self) -> str:
        said = subprocess.run(["prometheus", "--version"], capture_output=True, text=True, check=True)
        return (said.stdout or said.stderr).split()[2]

    def command(self, folder: Path, ports: Sequence[int]) -> list[str]:
        config = folder / "prometheus.yml"
        config.write_text("global: {}\n")
        return [
            "prometheus",
            "--web.enable-remote-write-receiver",
            "--web.enable-admin-api",
            f"--web.listen-address={HOST}:{ports[0]}",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
        ]

    def ready_url(self, ports: Sequence[int]) -> str:
        return _url(ports[0], "/-/ready")

    def target(self, part: PartName, ports: Sequence[int]) -> Target:
        assert part == "samples"
        return _remote_write(ports[0])

    def probes(self, part: PartName, ports: Sequence[int], start_ns: int) -> Sequence[Probe]:
        assert part == "samples"
        return [_promql_probe(ports[0], start_ns)]

    def disk(self, folder: Path, ports: Sequence[int], items: int) -> Disk:
        """Return all bytes as they are, and what the samples take as finished blocks: a snapshot writes such."""
        everything = bytes_in(folder)
        shares = {"without write-ahead log": bytes_in(folder, without=["wal"]) / items}
        httpx.post(_url(ports[0], "/api/v1/admin/tsdb/snapshot"), timeout=120).raise_for_status()
        snapshot = folder / "data" / "snapshots"
        held = sum(json.loads(meta.read_text())["stats"]["numSamples"] for meta in snapshot.rglob("meta.json"))
        if held:
            shares["as finished blocks"] = bytes_in(snapshot) / held
        shutil.rmtree(snapshot)
        return Disk(everything, shares)


class VictoriaMetrics:
    """Debian's VictoriaMetrics, single node."""

    name = "victoria-metrics"
    package = "victoria-metrics"

    def version(self) -> str:
        """Return the package's version: Debian's build does not know its own."""
        query = ["dpkg-query", "--show", "--showformat=${Version}", self.package]
        return subprocess.run(query, capture_output=True, text=True, check=False).stdout or "of unknown version"

    def command(self, folder: Path, ports: Sequence[int]) -> list[str]:
        return ["victoria-metrics", f"-storageDataPath={folder / 'data'}", f"-httpListenAddr={HOST}:{ports[0]}"]

    def ready_url(self, ports: Sequence[int]) -> str:
        return _url(ports[0], "/health")

    def target(self, part: PartName, ports: Sequence[int]) -> Target:
        assert part == "samples"
        return _remote_write(ports[0])

    def probes(self, part: PartName, ports: Sequence[int], start_ns: int) -> Sequence[Probe]:
        assert part == "samples"
        return [_promql_probe(ports[0], start_ns)]

    def disk(self, folder: Path, ports: Sequence[int], items: int) -> Disk:
        """Return all bytes after a forced merge, and what they are without its caches."""
        httpx.get(_url(ports[0], "/internal/force_merge"), timeout=60).raise_for_status()
        deadline = time.monotonic() + FORCED_MERGE_SECONDS
        while time.monotonic() < deadline:
            time.sleep(0.5)  # it begins a moment after it was asked for
            if "\nvm_active_force_merges 0\n" in httpx.get(_url(ports[0], "/metrics"), timeout=60).text:
                break
        return Disk(bytes_in(folder), {"without caches": bytes_in(folder, without=["cache"]) / items})


PEERS: tuple[type[Prometheus | VictoriaMetrics], ...] = (Prometheus, VictoriaMetrics)


def missing_packages() -> list[str]:
    return [peer.package for peer in PEERS if shutil.which(peer.name) is None]


def install_command(packages: Sequence[str]) -> list[str]:
    """Return the command that installs *packages*; it is Debian's, and asks for rights where it lacks them."""
    apt = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    return apt if os.geteuid() == 0 else ["sudo", *apt]


def installed_peers() -> list[Program]:
    return [peer() for peer in PEERS if shutil.which(peer.name) is not None]
