"""Groups with requests at fault, and who of them is named."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from backbone.receive.form import Request, Unfit
from backbone.store.wire import WireName
from tests.receive.rows.messages import (
    RECENT_NS,
    logs,
    nested,
    pair,
    requests_of,
    span,
    strings,
    traces,
)
from tests.receive.rows.reading import FORMS
from tests.receive.rows.reference import Sent

SOUND: dict[WireName, Sent] = {
    "traces": Sent(
        traces(span(name="sound", events=[Span.Event(name="e")]), attributes=[pair("service.name", strings("shop"))]),
        "sound",
        RECENT_NS,
    ),
    "logs": Sent(logs(LogRecord(body=nested(2, strings("sound")), time_unix_nano=RECENT_NS)), "sound", RECENT_NS),
}


def refused(name: WireName, requests: Sequence[Request]) -> dict[int, str]:
    """Return who is named, in a group of its own."""
    try:
        FORMS[name].payload(requests)
    except Unfit as unfit:
        return unfit.refused
    return {}


def beside_sound_ones(data: TracesData | LogsData | bytes, name: WireName) -> dict[int, str]:
    """Return who is named of a group in which a request stands between sound ones, and after them once more."""
    body = data if isinstance(data, bytes) else data.SerializeToString()
    [sound] = requests_of([SOUND[name]])
    other = Request(body, "other", RECENT_NS)
    return refused(name, [sound, other, sound, sound, other])
