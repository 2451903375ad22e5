"""Texts through a policy's rules in the engine, without a pipeline around them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from bench.policy.texts import scrubbed_texts
from hypothesis import strategies as st

from backbone.config.policy.redact import RedactConfig
from backbone.process.redact import Redaction, redaction
from backbone.process.step import govern
from backbone.store.embedded import EmbeddedEngine
from backbone.store.engine import Statement

KEY = bytes(range(16))
_PIECES = (
    "4111 1111 1111 1111", "DE89370400440532013000", "gb29 nwbk", "NWBK60161331926819", "jane@x.io", "%40", "10.1.2.3",
    "8.8.8.8", "2001:db8:", ":1", "3c:22:fb:45:a1:0e", "AB 12 34 56 C", "X1234567L", "12345678Z", "+49 151 2345678",
    "tel", "passport", "password", "contraseña", "token", "=", ": ", "'", '"', "--", " ", "\\n", "\n", "_", ".", "-",
    "/", "x", "7", "12", "345", "6789", "A", "Bearer ", "eyJhbGciOi", "AKIA", "sk-", "Basic dTpw", "é", "cookie",
    "key", ">", "%3D", "RSSMRA85T10A562S", "ABCDE1234F", "415-555-2671", "123-45-6789", "2 85 07 2A 123 456 78",
    "11010519491231002X", "--pwd ", "--otp ", "--shared.token.hash ", "--my-passphrase ", "identified by ", "secret",
    "ssn ", "sk_live_", "SG.", "AIza", "abcdefghijklm", "https://u:p@h/", "hooks.slack.com", "\u00a0", "0", "5", "00",
    "4111111111111111", "378282246310005", "5551234567", "110105194912310021", "285072712345678", " number ", "+1",
    "(", ")", "#", "\\", ":", ",",
    "２", "–", "３",  # noqa: RUF001 - what people write for others
)  # fmt: skip
NEARLY = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join)
"""Texts in which something stands, or nearly does."""


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
