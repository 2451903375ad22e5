"""Which attributes keep what, and what happens to labels."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from backbone.config.policy.redact import RedactConfig
from backbone.process.redact import Redaction, redaction
from backbone.process.step import Step, govern
from backbone.store.engine import Statement
from tests.process.redact.scrubbing import KEY, config
from tests.stored import Stored, ago_ns, span, text

PUBLIC, MAC = "203.0.113.7", "3c:22:fb:45:a1:0e"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        pytest.param("client.address", PUBLIC, PUBLIC, id="the conventions' place for an address"),
        pytest.param("network.peer.address", PUBLIC, PUBLIC, id="of a peer"),
        pytest.param("host.mac", MAC, MAC, id="and for a network card"),
        pytest.param("net.peer.name", "jane@example.com", "<email>", id="but for addresses only"),
        pytest.param("user.address", PUBLIC, "<ipv4>", id="an end user's is none of them"),
        pytest.param("http.request.header.x-forwarded-for", PUBLIC, "<ipv4>", id="nor what a proxy forwards"),
        pytest.param("note", f"from {PUBLIC} and 10.0.0.1", "from <ipv4> and 10.0.0.1", id="private ranges are kept"),
        pytest.param("http.request.header.authorization", "anything", "<attribute>", id="called like a secret"),
        pytest.param("AccessToken", "anything", "<attribute>", id="in any case"),
        pytest.param("gen_ai.usage.input_tokens", "12", "12", id="not called like one"),
        pytest.param("rpc.shard_key", "anything", "anything", id="a key of another kind"),
    ],
)
async def test_what_an_attribute_keeps(stored: Stored, key: str, value: str, expected: str) -> None:
    tenant = stored.tenant()
    await stored.spans(tenant, "shop", span("1", "get", at_ns=ago_ns(1), attributes=[text(key, value)]))
    sql = "SELECT attributes FROM spans WHERE tenant = {t:String}"
    [row] = await stored.engine.rows(Statement(sql, {"t": tenant}))
    assert row["attributes"] == {key: expected}


async def stepped(stored: Stored, found: Redaction, steps: tuple[Step, ...], select: str, columns: list[str]) -> Any:
    for table in found.recalls:
        await stored.engine.command(Statement(f"TRUNCATE TABLE {table.name}"))
        await stored.engine.command(Statement(f"INSERT INTO {table.name} {table.fill}"))
    [line] = (await stored.engine.query(Statement(govern(select, columns, steps)), output="JSONEachRow")).splitlines()
    return orjson.loads(line)


NAMES, VALUES = ["job", "user", "api_key", "path"], ["shop", "jane@example.com", "k-1", "/x"]
SERIES = (
    f"SELECT 't' AS tenant, 'm' AS metric, {NAMES}::Array(LowCardinality(String)) AS label_names, "
    f"{VALUES} AS label_values, '' AS unit"
)


async def test_labels_are_hashed_so_that_series_stay_apart(stored: Stored) -> None:
    found = redaction(RedactConfig(), KEY)
    columns = ["tenant", "metric", "label_names", "label_values", "unit"]
    row = await stepped(stored, found, found.series, SERIES, columns)
    labels = dict(zip(row["label_names"], row["label_values"], strict=True))
    assert labels["job"] == "shop"
    assert labels["path"] == "/x"
    assert labels["user"].startswith("<email:")
    assert labels["api_key"].startswith("<attribute:")
    assert row == await stepped(stored, found, found.series, SERIES, columns)


async def test_labels_are_masked_where_the_policy_says_so(stored: Stored) -> None:
    found = redaction(config(labels="mask"), KEY)
    row = await stepped(stored, found, found.series, SERIES, ["label_values"])
    assert row["label_values"] == ["shop", "<email>", "<attribute>", "/x"]


async def test_dropped_attributes_are_not_there(stored: Stored) -> None:
    found = redaction(config(rules={"email": "drop", "attribute": "drop"}), KEY)
    select = SERIES
    row = await stepped(stored, found, found.series, select, ["label_names", "label_values"])
    assert row == {"label_names": ["job", "path"], "label_values": ["shop", "/x"]}
