"""Texts through a policy's rules in the engine, without a pipeline around them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from bench.policy.texts import scrubbed_texts

from backbone.config.policy.redact import RedactConfig
from backbone.process.redact import Redaction, redaction
from backbone.process.step import govern
from backbone.store.embedded import EmbeddedEngine
from backbone.store.engine import Statement

KEY = bytes(range(16))


def config(**options: Any) -> RedactConfig:
    return RedactConfig.model_validate(options)


async def scrub(
    engine: EmbeddedEngine,
    texts: Sequence[str],
    *,
    redact: RedactConfig | None = None,
    tenant: str = "t",
    key: bytes = KEY,
) -> list[str]:
    """Return each text as it would be stored."""
    found = redaction(redact or RedactConfig(), key)
    for table in found.recalls:
        await engine.command(Statement(f"DROP TABLE IF EXISTS {table.name}"))
        await engine.command(Statement(f"CREATE TABLE {table.name} ({table.columns}) ENGINE = {table.engine}"))
        await engine.command(Statement(f"INSERT INTO {table.name} {table.fill}"))
    return await scrubbed_texts(engine, found, texts, tenant)


async def scrub_in_rows(engine: EmbeddedEngine, texts: Sequence[str], found: Redaction) -> list[str]:
    """Return each text as a label of series that are stored, which are masked, is scrubbed to tell of a policy."""
    rows = (
        "SELECT {tenant:String} AS tenant, ['note']::Array(LowCardinality(String)) AS label_names, "
        "[text] AS label_values FROM (SELECT arrayJoin({texts:Array(String)}) AS text)"
    )
    columns = ["tenant", "label_names", "label_values"]
    answer = await engine.query(
        Statement(govern(rows, columns, found.series), {"tenant": "t", "texts": list(texts)}), output="JSONEachRow"
    )
    return [orjson.loads(line)["label_values"][0] for line in answer.splitlines()]


def scrub_now(engine: EmbeddedEngine, texts: Sequence[str], **options: Any) -> list[str]:
    return asyncio.run(scrub(engine, texts, **options))
