"""Records that name no service are those of ``unknown_service``, and found as such."""

from __future__ import annotations

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from backbone.model.time import now_ns
from backbone.query.logql.lines import Window, find_lines
from backbone.query.logql.parser import parse_log_query
from backbone.store.engine import QueryLimits
from tests.stored import Stored


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        pytest.param('{service_name=~".+"}', ["named", "nameless"], id="any service"),
        pytest.param('{service_name=~".*", service_name!=""}', ["named", "nameless"], id="any service, or none"),
        pytest.param('{service_name!~".+", detected_level=~".+"}', [], id="no service"),
        pytest.param('{service_name="unknown_service"}', ["nameless"], id="equal"),
        pytest.param('{service_name=~"unknown.+"}', ["nameless"], id="like it"),
        pytest.param('{service_name!="unknown_service", detected_level=~".+"}', ["named"], id="another"),
        pytest.param('{service_name!="relay", detected_level=~".+"}', ["nameless"], id="not the other"),
        pytest.param('{service_name!~"re.*", detected_level=~".+"}', ["nameless"], id="not like the other"),
        pytest.param('{service_name="", detected_level=~".+"}', [], id="empty"),
        pytest.param('{service_name=~"re.*"}', ["named"], id="like the other"),
    ],
)
async def test_records_without_a_service_have_the_label_all_the_same(
    stored: Stored, selector: str, found: list[str]
) -> None:
    tenant, now = stored.tenant(), now_ns()
    for number, (service, text) in enumerate([("relay", "named"), ("", "nameless")]):
        record = LogRecord(time_unix_nano=now + number, body=AnyValue(string_value=text))
        await stored.logs(tenant, service, record)

    window = Window(now - 10**9, now + 10**9, 10, forward=True)
    lines = await find_lines(stored.engine, tenant, parse_log_query(selector), window, QueryLimits())

    assert [line.text for line in lines] == found
