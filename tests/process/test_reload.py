"""A policy takes another's place while telemetry comes in: each item is treated by one of them, all of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from backbone.model.time import now_ns
from tests.process.conftest import StartGoverned
from tests.receive.rows.messages import pair, span, strings, traces
from tests.receive.test_doors import PROTOBUF

# What is renamed as rows are written, and what views judge: had one changed without the other, spans were tagged.
RENAMED = """
tagging:
  renames: {old: new}
  attributes: [{name: has-new, attribute: new, where: item, on_breach: tag}]
"""
AS_IT_CAME = """
tagging:
  attributes: [{name: has-old, attribute: old, where: item, on_breach: tag}]
"""
SHAPES = "SELECT mapKeys(attributes) AS names, count() AS items FROM spans GROUP BY names"


async def test_spans_are_renamed_and_judged_by_one_policy(governed: StartGoverned, policy_file: Path) -> None:
    changes = 8
    done = asyncio.Event()
    sent = 0

    async with governed(AS_IT_CAME) as server:

        async def send() -> None:
            nonlocal sent
            while not done.is_set():
                body = traces(span(start_time_unix_nano=now_ns(), attributes=[pair("old", strings("1"))]))
                answer = await server.http.post("/v1/traces", content=body.SerializeToString(), headers=PROTOBUF)
                assert answer.status_code == 200, answer.text
                sent += 1

        async def change() -> None:
            for number in range(changes):
                policy_file.write_text((RENAMED, AS_IT_CAME)[number % 2])
                answer = await server.http.post("/-/reload")
                assert answer.status_code == 200, answer.text
            done.set()

        await asyncio.gather(send(), send(), change())
        answer = await server.http.post("/api/backbone/v1/sql", json={"sql": SHAPES})

    found = {tuple(names): int(items) for names, items in answer.json()["rows"]}
    assert found.keys() == {("new",), ("old",)}
    assert sum(found.values()) == sent
