"""Test scripts run against tables of their own, filled through remote write as any sender would."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from backbone.app import scratch_store
from backbone.model.errors import BackboneError
from backbone.model.time import now_ns
from backbone.process.series import fingerprint, label_hash
from backbone.query.promql.engine import PromQL, PromQLOptions
from backbone.query.promql.features import ALL_FEATURES
from backbone.query.promql.fetch import TableSource
from backbone.query.promql.histograms import HistogramRow
from backbone.query.promql.script.commands import Clear, Eval, Load, LoadedSeries, Script
from backbone.query.promql.script.compare import differences, error_differences
from backbone.query.promql.script.nhcb import with_native
from backbone.query.promql.table_reader import TableOptions
from backbone.query.remote_read import write_request
from backbone.receive.envelope import seal
from backbone.store.engine import Engine, Parameter, QueryLimits, Statement
from backbone.store.wire import wire

_WIRE = wire("remote_write")
_LIMITS = QueryLimits(timeout_seconds=60)
_STARTS = f"""
INSERT INTO starts (tenant, fp, time, start)
WITH {{names:Array(String)}} AS names, {{texts:Array(String)}} AS texts, {label_hash("names", "texts")} AS hash
SELECT {{tenant:String}}, {fingerprint("{metric:String}", "hash")},
    fromUnixTimestamp64Milli(pair.1, 'UTC'), fromUnixTimestamp64Milli(pair.2, 'UTC')
FROM (SELECT arrayJoin(arrayZip({{times:Array(Int64)}}, {{starts:Array(Int64)}})) AS pair)
"""


class ScriptRunner:
    """Runs scripts one after the other; each `clear` begins with a tenant nobody has written to."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        options = TableOptions(_LIMITS, max_series=1_000_000, max_samples=50_000_000, start_timestamps=True)
        self._promql = PromQL(TableSource(engine, options), PromQLOptions(features=ALL_FEATURES))
        self._numbers = itertools.count(1)

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls) -> AsyncIterator[ScriptRunner]:
        """Open tables in a directory that is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="backbone-test-") as directory:
            async with scratch_store(Path(directory)) as engine:
                yield cls(engine)

    async def run(self, script: Script) -> AsyncIterator[tuple[Eval, list[str]]]:
        """Yield each case with what is different from what it expects."""
        tenant = self._tenant()
        for command in script.commands:
            match command:
                case Clear():
                    tenant = self._tenant()
                case Load():
                    await self._load(tenant, command)
                case Eval():
                    yield command, await self._eval(tenant, command)

    def _tenant(self) -> str:
        return f"script-{next(self._numbers)}"

    async def _load(self, tenant: str, command: Load) -> None:
        series = list(command.series)
        if command.with_nhcb:
            series += with_native(series)
        body = write_request((one.labels, _points(one, command.step_ms)) for one in series)
        token = f"script-{next(self._numbers)}"
        await self._engine.insert(_WIRE.table, _WIRE.proto, [seal(body, tenant, now_ns())], token=token)
        for one in series:
            await self._load_starts(tenant, one, command.step_ms)

    async def _load_starts(self, tenant: str, series: LoadedSeries, step_ms: int) -> None:
        pairs = [(at * step_ms, at * step_ms + start) for at, start in enumerate(series.starts) if start is not None]
        if not pairs:
            return
        parameters: dict[str, Parameter] = {
            "tenant": tenant,
            "metric": series.labels["__name__"],
            "names": list(series.labels),
            "texts": list(series.labels.values()),
            "times": [time for time, _ in pairs],
            "starts": [start for _, start in pairs],
        }
        await self._engine.command(Statement(_STARTS, parameters))

    async def _eval(self, tenant: str, command: Eval) -> list[str]:
        try:
            if command.step_ms:
                answer = await self._promql.range(
                    tenant, command.query, command.start_ms, command.end_ms, command.step_ms
                )
            else:
                answer = await self._promql.instant(tenant, command.query, command.start_ms)
        except BackboneError as error:
            return error_differences(command, str(error))
        return differences(command, answer)


def _points(series: LoadedSeries, step_ms: int) -> Iterator[tuple[int, float | HistogramRow]]:
    return ((at * step_ms, point) for at, point in enumerate(series.points) if point is not None)
