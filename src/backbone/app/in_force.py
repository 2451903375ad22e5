"""
The policy in force, and how another takes its place while telemetry comes in.

A policy is the text of views, and before them how requests are scrubbed and attributes renamed. All of it is replaced
while no group is being written and nothing is swept, so each item is treated by one policy, the one before or the one
after; senders wait for it, none is turned away.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from backbone.config.load import load_policy
from backbone.config.policy import PolicyConfig
from backbone.model.errors import BackboneError, UserInputError
from backbone.process import Pipeline, Policy
from backbone.receive.scrub.requests import Request, RequestScrubber
from backbone.store.engine import Engine
from backbone.store.flow import install, refill
from backbone.store.wire import WireName, wire

_log = structlog.get_logger("backbone.policy")


class Pausing(Protocol):
    """What does its work piece by piece, and none while it is paused."""

    @property
    def paused(self) -> contextlib.AbstractAsyncContextManager[None]: ...


class PolicyInForce:
    """
    What governs telemetry now.

    Args:
        file: what says it; without one, the default policy is in force.
        engine: the store.
        compiled: makes of a configuration what it does.
        flow: makes of that the views that carry it out.
    """

    def __init__(
        self,
        file: Path | None,
        engine: Engine,
        compiled: Callable[[PolicyConfig], Policy],
        flow: Callable[[Policy], Pipeline],
    ) -> None:
        self._file = file
        self._engine = engine
        self._compiled = compiled
        self._flow = flow
        self._reloading = asyncio.Lock()
        self.config = load_policy(file)
        self.policy = compiled(self.config)
        self._pipeline = flow(self.policy)
        self._scrubbers = _scrubbers(engine, self.policy)

    async def scrub(self, name: WireName, requests: Sequence[Request]) -> list[bytes | UserInputError]:
        """Return requests as they may be written, or why they cannot be read; those without texts are not looked at."""
        if scrubber := self._scrubbers.get(name):
            return await scrubber.scrub(name, requests)
        return [body for body, _ in requests]

    async def warm_up(self) -> None:
        """Have done what the first request would wait for."""
        await _warm_up(self._scrubbers)

    async def install(self) -> None:
        """Put the policy in force, before anything comes in."""
        await self._install(self._pipeline)

    async def refill(self, name: WireName) -> None:
        """Put right what views remember after writing to a wire failed half way."""
        await refill(self._engine, self._pipeline, wire(name).table)

    async def reload(self, users: Sequence[Pausing], replaced: Callable[[Policy], None]) -> None:
        """
        Read the file again and put what it says in force; the old policy stays in force if that cannot be done.

        Args:
            users: all that writes to the views or works with the tables in memory.
            replaced: called with what is in force from then on, before anything more is written.

        Raises:
            ConfigError: something is wrong with the file; all of it is told.
        """
        async with self._reloading:
            config = await asyncio.to_thread(load_policy, self._file)
            policy = self._compiled(config)
            pipeline, scrubbers = self._flow(policy), _scrubbers(self._engine, policy)
            await _warm_up(scrubbers)
            async with contextlib.AsyncExitStack() as stack:
                for user in users:
                    await stack.enter_async_context(user.paused)
                try:
                    await self._install(pipeline)
                except BackboneError:
                    await self._install(self._pipeline)
                    raise
                self.config, self.policy, self._pipeline = config, policy, pipeline
                self._scrubbers = scrubbers
                replaced(policy)
        _log.info("policy reloaded", file=str(self._file) if self._file else "default")

    async def _install(self, pipeline: Pipeline) -> None:
        await install(self._engine, pipeline)


async def _warm_up(scrubbers: dict[WireName, RequestScrubber]) -> None:
    try:
        for scrubber in set(scrubbers.values()):
            await scrubber.warm_up()
    except BackboneError as error:
        # The first request does it then.
        _log.warning("patterns not compiled", error=str(error))


def _scrubbers(engine: Engine, policy: Policy) -> dict[WireName, RequestScrubber]:
    items, metrics = policy.redaction.requests, policy.redaction.metrics
    if items is None or metrics is None:
        return {}
    of_items, of_metrics = RequestScrubber(engine, items), RequestScrubber(engine, metrics)
    return {"traces": of_items, "logs": of_items, "metrics": of_metrics, "remote_write": of_metrics}
