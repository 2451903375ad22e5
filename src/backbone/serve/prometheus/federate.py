"""``/federate``: the newest samples of selected series, as text. Source: Prometheus 3.x, "Federation"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backbone.model.errors import UserInputError
from backbone.model.time import now_ns
from backbone.query.promql.ast import Span, VectorSelector
from backbone.query.promql.engine import PromQL
from backbone.query.promql.go_floats import print_float
from backbone.query.promql.parser import parse_selector
from backbone.query.promql.printer import print_expr, show_label
from backbone.query.selectors import METRIC_LABEL
from backbone.query.series import find_metadata
from backbone.serve.errors import text_error
from backbone.serve.given import given_parameters
from backbone.serve.prometheus.given import MAX_ITEMS
from backbone.serve.running import QueryRunner
from backbone.store.engine import Engine, QueryLimits

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[dict[str, str], int, float]
"""Labels, milliseconds and value."""


def federate_routes(engine: Engine, promql: PromQL, limits: QueryLimits, runner: QueryRunner) -> list[Route]:
    """Return the route of federation."""

    async def federate(request: Request, tenant: str) -> Response:
        given = await given_parameters(request)
        selectors = [VectorSelector(Span(0, 0), "", parse_selector(text)) for text in given.getlist("match[]")]
        if not selectors:
            raise UserInputError("'match[]': at least one is required")
        asked = _newest(promql, tenant, selectors)
        samples = await runner.run(request, tenant, asked)
        known = await find_metadata(engine, tenant, "", MAX_ITEMS, limits)
        text = "".join(_lines(samples, {one.metric: one.type for one in known}))
        return Response(text, media_type=_CONTENT_TYPE)

    return [runner.route("/federate", federate, text_error)]


async def _newest(promql: PromQL, tenant: str, selectors: Sequence[VectorSelector]) -> list[Sample]:
    """Return each series once, in order of names and labels."""
    now_ms = now_ns() // 1_000_000
    found: dict[tuple[tuple[str, str], ...], Sample] = {}
    for selector in selectors:
        text = print_expr(selector)
        # The one knows which series have not ended, the other when their samples are from.
        living = await promql.instant(tenant, text, now_ms)
        samples = await promql.instant(tenant, f"{text}[{promql.lookback_ms}ms]", now_ms)
        values = {tuple(points.labels.items()): points for points in living.series}
        for points in samples.series:
            key = tuple(points.labels.items())
            newest = values.get(key)
            # The text format has no native histograms.
            if newest is not None and (newest.histograms is None or newest.histograms[0] < 0):
                found[key] = (points.labels, int(points.times[-1]), float(newest.values[0]))
    return sorted(found.values(), key=lambda sample: (sample[0].get(METRIC_LABEL, ""), sorted(sample[0].items())))


def _lines(samples: Iterable[Sample], types: Mapping[str, str]) -> Iterator[str]:
    metric = None
    for labels, time, value in samples:
        name = labels.get(METRIC_LABEL, "")
        if name != metric:
            metric = name
            yield f"# TYPE {name} {types.get(name, 'untyped').replace('unknown', 'untyped')}\n"
        rest = ",".join(f'{show_label(key)}="{_escaped(text)}"' for key, text in labels.items() if key != METRIC_LABEL)
        yield f"{name}{{{rest}}} {print_float(value)} {time}\n" if rest else f"{name} {print_float(value)} {time}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
