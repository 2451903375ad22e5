"""The fleet against a real server, and against none."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from backbone.cli import cli
from backbone.model.time import NANOSECONDS_PER_SECOND, now_ns
from backbone.simulate.control import control_app
from backbone.simulate.faults import KINDS
from backbone.simulate.run import Simulation, SimulationOptions
from backbone.simulate.sender import Sender
from tests.conftest import Server, free_port
from tests.simulate.virtual import Run

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "simulate-a-fleet.md"


async def test_all_that_the_fleet_sends_is_stored(server: Server) -> None:
    options = SimulationOptions(f"127.0.0.1:{server.otlp_grpc_port}", 2500, 10, 1, duration_seconds=2)
    progress = await Simulation(options).run()

    (stored,) = await server.rows("SELECT (SELECT count() FROM spans) AS spans, (SELECT count() FROM logs) AS logs")
    sent = {signal: delivery.sent for signal, delivery in progress.deliveries.items()}
    assert all(d.acknowledged == d.sent and not d.refused for d in progress.deliveries.values())
    assert (stored["spans"], stored["logs"]) == (sent["traces"], sent["logs"])
    (metrics,) = await server.rows("SELECT sum(items) AS points FROM ingested WHERE signal = 'metrics'")
    assert metrics["points"] == sent["metrics"]
    (linked,) = await server.rows("SELECT count() AS n FROM exemplars WHERE trace_id IN (SELECT trace_id FROM spans)")
    assert linked["n"] > 0


async def test_the_metrics_that_the_how_to_names_are_those_that_are_stored(server: Server) -> None:
    run = Run(start_ns=now_ns() - 60 * NANOSECONDS_PER_SECOND)
    for kind in ("queue-jam", "error-burst"):
        run.fleet.faults.inject(kind, None, None)
    run.skip(60)
    sender = Sender(f"127.0.0.1:{server.otlp_grpc_port}")
    for body, items in run.gauging.export(run.now_ns):
        await sender.send("metrics", body, items)
    await sender.drain()
    await sender.close()

    text = HOW_TO.read_text()
    named = set(re.findall(r"`((?:taskqueue|hugo|mesh|omnirelay|workflow)_[a-z_]+)", text))
    stored = {row["metric"].removesuffix("_bucket") for row in await server.rows("SELECT DISTINCT metric FROM series")}
    assert len(named) > 8
    assert named <= stored
    assert all(f"| `{kind}` |" in text for kind in KINDS)


async def test_the_command_runs_a_fleet_that_can_be_broken(server: Server) -> None:
    control = f"127.0.0.1:{free_port()}"
    fleet = await _backbone("--for", "4s", "--otlp-grpc", f"127.0.0.1:{server.otlp_grpc_port}", "--control", control)
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=8)) as client:
        await client.get(f"http://{control}/status")
    inject = await _backbone("fault", "inject", "queue-jam", "--for", "1h", "--control", control)
    told, _ = await inject.communicate()
    listing = await _backbone("fault", "list", "--control", control)
    listed, _ = await listing.communicate()
    shown, _ = await fleet.communicate()

    assert (inject.returncode, listing.returncode, fleet.returncode) == (0, 0, 0)
    assert b"queue-jam hits checkout-0000" in told
    assert b"checkout-0000" in listed
    assert b"fleet after 4 s" in shown
    (stored,) = await server.rows("SELECT count() AS spans FROM spans")
    assert stored["spans"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--size", "lagre"], "did you mean 'large'?", id="size"),
        pytest.param(["--for", "soon"], "expected a duration", id="duration"),
        pytest.param(["--otlp-grpc", "nowhere"], "expected HOST:PORT", id="server"),
        pytest.param(["--control", "0.0.0.0:7071"], "expected a loopback address", id="control for all to reach"),
        pytest.param(["fault", "list", "--control", "127.0.0.1:1"], "no fleet is controlled at", id="no fleet"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["simulate", *arguments], env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"})

    assert result.exit_code != 0
    assert message in " ".join(result.output.split())


async def _backbone(*arguments: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "backbone", "simulate", *arguments)
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)


async def test_faults_are_injected_and_lifted_over_http() -> None:
    simulation = Simulation(SimulationOptions(series=100))
    transport = httpx.ASGITransport(control_app(simulation))
    async with httpx.AsyncClient(transport=transport, base_url="http://fleet") as client:
        injected = await client.post("/faults/queue-jam", json={"duration": "30s"})
        assert (injected.status_code, injected.json()["target"]) == (200, simulation.fleet.topology.queue_names[0])
        for path, body, message in (
            ("/faults/queue-jm", None, "did you mean 'queue-jam'?"),
            ("/faults/queue-jam", {"duration": "soon"}, "expected a duration"),
            ("/faults/queue-jam", {"where": "x"}, "expected an object with target and duration"),
            ("/faults/queue-jam", ["30s"], "expected an object with target and duration"),
            ("/faults/queue-jam", {"target": 7}, "target: expected text, got 7"),
            ("/faults/queue-jam", {"target": "nowhere"}, "target: expected one of"),
            ("/faults/queue-jam", {"duration": "0s"}, "expected more than nothing"),
        ):
            refused = await client.post(path, json=body)
            assert refused.status_code == 400
            assert message in refused.json()["error"]
        assert [fault["kind"] for fault in (await client.get("/faults")).json()["active"]] == ["queue-jam"]
        assert (await client.delete("/faults/all")).json() == {"active": []}
        assert (await client.delete("/faults/queue-jm")).status_code == 400
        assert (await client.get("/status")).json()["seconds"] == 0
