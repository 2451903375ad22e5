from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Server
from tests.receive.test_doors import PROTOBUF, one_span


async def samples(server: Server) -> dict[str, float]:
    """Return our own metrics by name and labels."""
    text = (await server.http.get("/metrics")).text
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_tell_what_came_in_and_how_the_store_is(server: Server) -> None:
    await server.http.post("/v1/traces", content=one_span().SerializeToString(), headers=PROTOBUF)
    await server.http.post("/v1/traces", content=b"garbage", headers=PROTOBUF)

    told = await samples(server)

    assert told["backbone_receive_requests_total code=200 receiver=otlp_http signal=traces"] == 1
    assert told["backbone_receive_requests_total code=400 receiver=otlp_http signal=traces"] == 1
    refused = "backbone_receive_refused_requests_total reason=UserInputError receiver=otlp_http signal=traces"
    assert told[refused] == 1
    assert told["backbone_receive_items_total signal=traces"] == 1
    assert told["backbone_receive_bytes_total receiver=otlp_http signal=traces"] > 0
    assert told["backbone_commit_seconds_count lane=traces"] >= 1
    assert told["backbone_commit_ingest_lag_seconds_count lane=traces"] == 1
    assert told["backbone_commit_waiting_bytes"] == 0
    assert told["backbone_store_table_rows table=spans"] == 1
    assert told["backbone_store_table_parts table=spans"] == 1
    assert told["backbone_store_engine quantity=memory_bytes"] > 0
    assert {key for key in told if key.startswith("backbone_store_engine")} >= {
        "backbone_store_engine quantity=running_merges",
        "backbone_store_engine quantity=parts",
    }


@pytest.mark.parametrize("path", ["/-/ready", "/-/healthy"])
async def test_running_server_is_ready_and_healthy(server: Server, path: str) -> None:
    assert (await server.http.get(path)).status_code == 200
