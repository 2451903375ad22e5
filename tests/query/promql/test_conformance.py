"""PromQL against scripts in Prometheus' test language, through the tables that remote write fills."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from backbone.cli.scripted import ScriptRunner
from backbone.query.promql.script.parse import parse_script

_OWN = Path(__file__).parent / "testdata"
# The project's published cases lie beside this checkout where its developers have them.
_PUBLISHED = Path(__file__).parents[4] / "shared" / "promqltest"


def _scripts() -> Iterator[object]:
    for folder in (_OWN, _PUBLISHED):
        yield from (pytest.param(file, id=f"{folder.name}/{file.stem}") for file in sorted(folder.glob("*.test")))
    if not _PUBLISHED.exists():
        yield pytest.param(_PUBLISHED, id="published", marks=pytest.mark.skip(reason=f"{_PUBLISHED} is not there"))


@pytest.fixture(scope="module")
def runner() -> Iterator[ScriptRunner]:
    # As `backbone test promql` does with several files: one engine, and tenants for each script.
    stack = contextlib.AsyncExitStack()
    with asyncio.Runner() as loop:
        yield loop.run(stack.enter_async_context(ScriptRunner.start()))
        loop.run(stack.aclose())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("file", list(_scripts()))
async def test_every_case_gives_what_its_script_expects(runner: ScriptRunner, file: Path) -> None:
    script = parse_script(file.read_text(), file.name)
    failed = []

    async for case, found in runner.run(script):
        failed += [f"{file.name}:{case.line}: {case.query}: {difference}" for difference in found]

    assert not failed, "\n".join(failed)
