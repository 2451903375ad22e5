from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from backbone.store.embedded import EmbeddedOptions, open_embedded
from backbone.store.engine import Statement
from tests.robustness.counting import differences
from tests.robustness.process import ServerProcess, running
from tests.robustness.senders import Address, sending

_STOP_SECONDS = 10.0


async def _refusal(server: ServerProcess) -> str:
    """Start a server that cannot, and return what it says."""
    process = server.launch()
    assert await asyncio.to_thread(process.wait, 60) == 1
    return server.log.read_text()


@pytest.mark.parametrize(
    ("taken", "option", "flag"),
    [
        pytest.param("http_port", "http.listen", "--http", id="main port"),
        pytest.param("grpc_port", "receivers.otlp_grpc.listen", "--otlp-grpc", id="gRPC port"),
        pytest.param("otlp_http_port", "receivers.otlp_http.listen", "--otlp-http", id="OTLP/HTTP port"),
    ],
)
async def test_port_in_use_is_named_with_its_option(tmp_path: Path, taken: str, option: str, flag: str) -> None:
    server = ServerProcess(tmp_path / "data")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        setattr(server, taken, other.getsockname()[1])
        said = await _refusal(server)

    assert f"{option}: cannot listen on 127.0.0.1:{getattr(server, taken)}" in said
    assert flag in said
    assert "Traceback" not in said


async def test_locked_directory_is_refused_with_who_holds_it(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as holder:
        second = ServerProcess(tmp_path / "data")
        said = await _refusal(second)

    assert f"is in use by process {holder.pid}" in said
    assert "--data-dir" in said


async def test_newer_data_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        assert await server.stop() == 0
    async with open_embedded(tmp_path / "data", EmbeddedOptions()) as engine:
        await engine.command(Statement("INSERT INTO migrations (number, name) VALUES (999, 'later')"))

    said = await _refusal(ServerProcess(tmp_path / "data"))

    assert "the data is at schema 999" in said


async def test_stop_under_load_is_quick_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        async with sending(Address(server.url, f"127.0.0.1:{server.grpc_port}")) as load:
            await asyncio.sleep(2)
            started = time.monotonic()
            assert await server.stop() == 0
            assert time.monotonic() - started < _STOP_SECONDS
            await server.start()
        assert await server.stop() == 0

    assert await differences(tmp_path / "data", load) == []
    assert set(load.answers) <= {"200", "204", "OK", "cut off", "503", "UNAVAILABLE", "CANCELLED"}
    assert load.without_retry_after == 0


async def test_stop_while_idle_senders_hold_connections_is_quick(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        _, idle = await asyncio.open_connection("127.0.0.1", server.http_port)
        _, slow = await asyncio.open_connection("127.0.0.1", server.http_port)
        slow.write(b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc")
        await slow.drain()
        await asyncio.sleep(0.2)

        started = time.monotonic()
        assert await server.stop() == 0
        assert time.monotonic() - started < _STOP_SECONDS
        idle.close()
        slow.close()
