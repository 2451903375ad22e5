"""OpenTelemetry's names and units in Prometheus' form, by the compatibility specification."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from backbone.process import metric_names
from backbone.store.embedded import EmbeddedEngine, EmbeddedOptions
from backbone.store.engine import Statement


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    opened = EmbeddedEngine.open(tmp_path_factory.mktemp("names"), EmbeddedOptions(connections=1))
    yield opened
    asyncio.run(opened.close())


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        pytest.param("http.server.duration", "s", "histogram", "http_server_duration_seconds", id="a unit in words"),
        pytest.param("http.server.duration_ms", "", "histogram", "http_server_duration_ms", id="no unit"),
        pytest.param("io", "By", "counter", "io_bytes_total", id="a counter"),
        pytest.param("io.total", "By", "counter", "io_bytes_total", id="a counter that says so"),
        pytest.param("io.total", "By", "gauge", "io_total_bytes", id="which of a gauge is its name"),
        pytest.param("speed", "By/s", "gauge", "speed_bytes_per_second", id="per something"),
        pytest.param("calls", "{call}/min", "gauge", "calls_per_minute", id="of something that is no unit"),
        pytest.param("calls", "{call}", "counter", "calls_total", id="and nothing else"),
        pytest.param("used", "1", "gauge", "used_ratio", id="a ratio"),
        pytest.param("used", "1", "counter", "used_total", id="which a counter is not"),
        pytest.param("wait.seconds", "s", "gauge", "wait_seconds", id="said already"),
        pytest.param("seconds.left", "s", "gauge", "seconds_left", id="said at the beginning"),
        pytest.param("milliseconds", "s", "gauge", "milliseconds_seconds", id="a part of a word says nothing"),
        pytest.param("shop", "furlong/fortnight", "gauge", "shop_furlong_per_fortnight", id="units of one's own"),
        pytest.param("9lives", "", "gauge", "_9lives", id="a digit first"),
        pytest.param("a--b", "/}/", "gauge", "a_b", id="no unit at all"),
    ],
)
async def test_names(engine: EmbeddedEngine, name: str, unit: str, kind: str, expected: str) -> None:
    metric = metric_names.metric("name", metric_names.unit("unit", "kind"), "kind")
    rows = "SELECT {name:String} AS name, {unit:String} AS unit, {kind:String} AS kind"
    [row] = await engine.rows(
        Statement(f"SELECT {metric} AS metric FROM ({rows})", {"name": name, "unit": unit, "kind": kind})
    )
    assert row["metric"] == expected
