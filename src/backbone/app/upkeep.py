"""What is done again and again while a server runs; what fails is logged, and tried again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import structlog

from backbone.config.model import Config
from backbone.model.errors import BackboneError
from backbone.model.time import now_ns
from backbone.process import Sweeper
from backbone.query.finding_counts import FindingCounts
from backbone.query.logql.learning import ColumnLearner, ColumnOptions
from backbone.query.usage import Usage
from backbone.store.edges import EdgeSums
from backbone.store.engine import Engine
from backbone.store.settle import LOOK_SECONDS, settle

_log = structlog.get_logger("backbone")

_UPKEEP_SECONDS = 20.0


@contextlib.asynccontextmanager
async def upkeep(engine: Engine, usage: Usage, found: FindingCounts, sweeps: Sweeper) -> AsyncIterator[None]:
    """Sum up edges, decide on traces that wait, merge what is quiet and the like, for as long as the context lasts."""
    edges = EdgeSums(engine)

    async def sum_up() -> None:
        while True:
            await asyncio.sleep(_UPKEEP_SECONDS)
            try:
                await edges.sum_up(now_ns())
                await usage.write(engine)
                await found.read()
            except BackboneError as error:
                _log.warning("upkeep not done, tried again", error=str(error))

    async def sweep() -> None:
        while True:
            try:
                await sweeps.sweep(now_ns())
            except BackboneError as error:
                _log.warning("waiting traces not decided on, tried again", error=str(error))
            except Exception:  # noqa: BLE001 - sweeping must live: what it did not do is done by the next sweep
                _log.exception("waiting traces not decided on, tried again")
            await asyncio.sleep(sweeps.pause_seconds)

    async with (
        background(sum_up(), "upkeep"),
        background(sweep(), "sweep"),
        background(_settling(engine), "settling"),
    ):
        yield


async def _settling(engine: Engine) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await settle(engine)
        except BackboneError as error:
            _log.warning("parts not merged, tried again", error=str(error))


@contextlib.asynccontextmanager
async def learning_columns(config: Config, engine: Engine) -> AsyncIterator[None]:
    """Give labels that are asked for again and again columns of their own, for as long as the context lasts."""
    columns = config.store.columns
    learner = ColumnLearner(engine, ColumnOptions(columns.logs, columns.learned))
    await learner.begin()
    async with background(learner.run(), "columns"):
        yield


@contextlib.asynccontextmanager
async def background(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Let something be done beside, for as long as the context lasts."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
