"""Where series come from, and what nobody asks for."""

from __future__ import annotations

import cramjam

from backbone.model.time import now_ns
from backbone.query.remote_read import write_request
from tests.conftest import Server, StartServer


async def test_the_explorer_shows_the_largest_and_what_is_not_asked_for(start_server: StartServer) -> None:
    now_ms = now_ns() // 1_000_000
    series = [({"__name__": "calls", "job": "shop", "user": str(n)}, [(now_ms, 1.0)]) for n in range(20)]
    series += [
        ({"__name__": "depth", "job": "mesh", "queue": str(n % 2), "n": str(n)}, [(now_ms, 1.0)]) for n in range(4)
    ]
    async with start_server() as server:
        await _write(server, write_request(series))
        await server.http.get("/api/v1/query", params={"query": "sum(depth)"})
        # What was noted is written down when the server sees to its upkeep.
        await server.backbone.usage.write(server.backbone.engine)
        found = (await server.http.get("/api/backbone/v1/cardinality")).json()
        assert "error" not in found, found["error"]
        one = (await server.http.get("/api/backbone/v1/cardinality?service=mesh&limit=1")).json()

    assert (found["series"], found["new_last_hour"]) == (24, 24)
    shown = [(m["name"], m["series"], m["widest_label"], m["widest_values"]) for m in found["metrics"]]
    assert shown == [("calls", 20, "user", 20), ("depth", 4, "n", 4)]
    assert [(label["name"], label["values"]) for label in found["labels"]] == [
        ("user", 20),
        ("n", 4),
        ("job", 2),
        ("queue", 2),
    ]
    assert found["values"][0] == {"label": "job", "value": "shop", "series": 20}
    assert [(o["service"], o["series"], o["metrics"]) for o in found["owners"]] == [("shop", 20, 1), ("mesh", 4, 1)]
    assert [metric["name"] for metric in found["unqueried"]] == ["calls"]
    assert len(found["growth"]) == 24
    # An hour may begin while this runs.
    assert sum(hour["new_series"] for hour in found["growth"][-2:]) == 24
    assert found["metrics"][1]["last_queried"] > 0
    assert [label["name"] for label in one["labels"]] == ["n"]
    assert one["series"] == 4


async def _write(server: Server, body: bytes) -> None:
    answer = await server.http.post("/api/v1/write", content=bytes(cramjam.snappy.compress_raw(body)))
    assert answer.status_code == 204
