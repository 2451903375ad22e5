"""Test scripts run against tables of their own, filled through remote write as any sender would."""

from __future__ import annotations

import contextlib
import itertools
import struct
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from backbone.app import scratch_store
from backbone.model.errors import BackboneError
from backbone.model.time import now_ns
from backbone.process.series import fingerprint, label_hash
from backbone.query.promql.engine import PromQL, PromQLOptions
from backbone.query.promql.features import ALL_FEATURES
from backbone.query.promql.fetch import TableOptions, TableSource
from backbone.query.promql.histograms import HistogramRow
from backbone.query.promql.script.commands import Clear, Eval, Load, LoadedSeries, Script
from backbone.query.promql.script.compare import differences, error_differences
from backbone.query.promql.script.nhcb import with_native
from backbone.receive.envelope import seal, varint
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
        body = b"".join(_field(1, _time_series(one, command.step_ms)) for one in series)
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


def _time_series(series: LoadedSeries, step_ms: int) -> bytes:
    """Return a series as remote write's ``TimeSeries``."""
    return b"".join(
        [
            *(_field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in series.labels.items()),
            *_points(series, step_ms),
        ]
    )


def _points(series: LoadedSeries, step_ms: int) -> Iterator[bytes]:
    for at, point in enumerate(series.points):
        if isinstance(point, HistogramRow):
            yield _field(4, _histogram(point, at * step_ms))
        elif point is not None:
            yield _field(2, _double(1, point) + _number(2, at * step_ms))


def _histogram(row: HistogramRow, time_ms: int) -> bytes:
    """Return remote write's ``Histogram``, with counts as floats."""
    return b"".join(
        [
            _double(2, row.count),
            _double(3, row.sum),
            _number(4, _zigzag(row.schema)),
            _double(5, row.zero_threshold),
            _double(7, row.zero_count),
            *_buckets(8, 10, row.negative),
            *_buckets(11, 13, row.positive),
            _number(14, row.hint),
            _number(15, time_ms),
            _doubles(16, list(row.custom)),
        ]
    )


def _buckets(spans: int, counts: int, pairs: list[tuple[int, float]]) -> Iterator[bytes]:
    """Yield spans of neighbouring buckets, and the counts in all of them."""
    used = [(index, count) for index, count in pairs if count]
    after = 0
    for _, run in itertools.groupby(enumerate(used), key=lambda item: item[1][0] - item[0]):
        members = [index for _, (index, _) in run]
        yield _field(spans, _number(1, _zigzag(members[0] - after)) + _number(2, len(members)))
        after = members[-1] + 1
    yield _doubles(counts, [count for _, count in used])


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value & (1 << 64) - 1)


def _zigzag(value: int) -> int:
    return value << 1 ^ value >> 63


def _double(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def _doubles(number: int, values: list[float]) -> bytes:
    return _field(number, struct.pack(f"<{len(values)}d", *values)) if values else b""
