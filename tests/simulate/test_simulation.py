"""The fleet against a real server, and against none."""

from __future__ import annotations

import httpx

from backbone.simulate.control import control_app
from backbone.simulate.run import Simulation, SimulationOptions
from tests.conftest import Server


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
