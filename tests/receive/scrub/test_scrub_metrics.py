"""Requests of metrics: texts become labels, which are scrubbed in every place that a sender can put one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from backbone.compiled.protobuf import FIXED64
from backbone.model.errors import UserInputError
from backbone.process.redact import redaction
from backbone.receive.envelope import varint
from backbone.receive.kernels.look import RULES_FIELD
from backbone.receive.scrub.requests import RequestScrubber
from backbone.store.embedded import EmbeddedEngine
from backbone.store.wire import WireName
from tests.process.redact.scrubbing import KEY, config
from tests.receive.scrub.scrubbed import CLEAN, MAIL, SETTINGS

RULES_TAG = varint(RULES_FIELD << 3 | FIXED64)


def scrubbed(engine: EmbeddedEngine, wire: WireName, *bodies: bytes, **options: Any) -> list[bytes | UserInputError]:
    found = redaction(config(labels="mask", **options), KEY).metrics
    assert found is not None
    return asyncio.run(RequestScrubber(engine, found).scrub(wire, [(body, "t") for body in bodies]))


def attributes(**texts: str) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in texts.items()]


def metrics(text: str, word: str) -> pb.MetricsData:
    """Return one metric of each kind with *text* in each place for one, and *word* as each password."""
    own = attributes(note=text, password=word)
    exemplars = [pb.Exemplar(as_double=1, filtered_attributes=own)]
    number = pb.NumberDataPoint(as_int=1, attributes=own, exemplars=exemplars)
    points: list[dict[str, Any]] = [
        {"gauge": pb.Gauge(data_points=[number])},
        {"sum": pb.Sum(data_points=[number], is_monotonic=True)},
        {"histogram": pb.Histogram(data_points=[pb.HistogramDataPoint(attributes=own, exemplars=exemplars)])},
        {
            "exponential_histogram": pb.ExponentialHistogram(
                data_points=[pb.ExponentialHistogramDataPoint(attributes=own, exemplars=exemplars)]
            )
        },
        {"summary": pb.Summary(data_points=[pb.SummaryDataPoint(attributes=own)])},
    ]
    named = [pb.Metric(name=MAIL, description=text, unit=text, **one) for one in points]
    scope = pb.ScopeMetrics(scope=InstrumentationScope(name=text, version=text, attributes=own), metrics=named)
    return pb.MetricsData(
        resource_metrics=[pb.ResourceMetrics(resource=Resource(attributes=own), scope_metrics=[scope])]
    )


def test_every_text_of_opentelemetry_metrics_but_their_names(engine: EmbeddedEngine) -> None:
    [body] = scrubbed(engine, "metrics", metrics(MAIL, "open sesame").SerializeToString())
    assert isinstance(body, bytes)
    after = pb.MetricsData.FromString(body)
    after.DiscardUnknownFields()
    assert after == metrics(CLEAN, "<attribute>")


Labels = list[tuple[str, str]]


def field(number: int, content: str | bytes) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(data)) + data


def labelled(labels: Labels) -> bytes:
    return b"".join(field(1, field(1, name) + field(2, value)) for name, value in labels)


def series(labels: Labels, exemplar: Labels = []) -> bytes:  # noqa: B006 - never changed
    sample = field(2, b"\x09" + bytes(8) + b"\x10\x01")
    return field(1, labelled(labels) + sample + field(3, labelled(exemplar)))


def without_rules(body: bytes) -> Iterator[bytes]:
    """Yield each field of a request as it came, without what tells of rules."""
    at = 0
    while at < len(body):
        size, shift, begin = 0, 0, at + 1
        while True:
            size |= (body[begin] & 0x7F) << shift
            shift, begin = shift + 7, begin + 1
            if body[begin - 1] < 0x80:
                break
        content = body[begin : begin + size]
        if content.startswith(RULES_TAG):
            content = content[len(RULES_TAG) + 8 :]
        yield field(body[at] >> 3, content)
        at = begin + size


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([("a", MAIL)], [("a", CLEAN)], id="a value"),
        pytest.param([("a", "x"), ("b", MAIL), ("c", "y")], [("a", "x"), ("b", CLEAN), ("c", "y")], id="among others"),
        pytest.param([("db_password", "x")], [("db_password", "<attribute>")], id="by its name"),
        pytest.param([("db_password", "")], [("db_password", "")], id="nothing is no secret"),
        pytest.param([(MAIL, "x")], [(CLEAN, "x")], id="a name"),
        pytest.param([(MAIL, MAIL)], [(CLEAN, CLEAN)], id="both"),
        pytest.param([(MAIL + "/x.password", "x")], [(CLEAN + "/x.password", "<attribute>")], id="a name and by its name"),
        pytest.param([("__name__", MAIL)], [("__name__", MAIL)], id="the metric's name is looked for as it is"),
        pytest.param([("client.address", "203.0.113.7")], [("client.address", "203.0.113.7")], id="a place for addresses"),
        pytest.param([("a", "203.0.113.7")], [("a", "<ipv4>")], id="and one that is none"),
        pytest.param([("a", "x" * 200 + MAIL)], [("a", "x" * 200 + CLEAN)], id="a long one"),
    ],
)  # fmt: skip
def test_labels_of_series_and_exemplars(engine: EmbeddedEngine, before: Labels, after: Labels) -> None:
    rest = [("le", "1")]
    [body] = scrubbed(engine, "remote_write", series(before, rest) + series(rest, before))
    assert isinstance(body, bytes)
    assert b"".join(without_rules(body)) == series(after, rest) + series(rest, after)


def test_what_is_dropped_is_no_label(engine: EmbeddedEngine) -> None:
    [body] = scrubbed(engine, "remote_write", series([("a", MAIL), ("b", "x")]), rules={"email": "drop"})
    assert isinstance(body, bytes)
    assert b"".join(without_rules(body)) == series([("b", "x")])


def test_help_texts_but_not_the_names_of_families(engine: EmbeddedEngine) -> None:
    [body] = scrubbed(engine, "remote_write", field(3, field(2, MAIL) + field(4, MAIL)))
    assert body == field(3, field(2, MAIL) + field(4, CLEAN))


@pytest.mark.parametrize(
    "label",
    [
        pytest.param(field(1, "a") + field(1, "b") + field(2, MAIL), id="two names"),
        pytest.param(field(1, "a") + field(2, "x") + field(2, MAIL), id="two values"),
        pytest.param(b"\x0a\x7f", id="cut off"),
    ],
)
def test_labels_that_readers_do_not_agree_on_are_refused(engine: EmbeddedEngine, label: bytes) -> None:
    wrong, sound = scrubbed(engine, "remote_write", field(1, field(1, label)), series([("a", MAIL)]))
    assert isinstance(wrong, UserInputError)
    assert MAIL not in str(wrong)
    assert isinstance(sound, bytes)
    assert MAIL.encode() not in sound


NAMES = st.sampled_from(("a", "job", "db_password", "client.address", MAIL))
VALUES = st.sampled_from(("", "plain", MAIL, "y" * 130, MAIL + " " + "z" * 120))
LABELS = st.lists(st.tuples(NAMES, VALUES), max_size=5)


def cleaned(labels: Labels) -> Labels:
    return [
        (
            name.replace(MAIL, CLEAN),
            "<attribute>" if name == "db_password" and value else value.replace(MAIL, CLEAN),
        )
        for name, value in labels
    ]


@SETTINGS
@given(st.lists(st.lists(st.tuples(LABELS, LABELS), max_size=4), min_size=1, max_size=4))
def test_a_request_is_what_it_was_but_for_its_secrets(
    engine: EmbeddedEngine, requests: list[list[tuple[Labels, Labels]]]
) -> None:
    bodies = [b"".join(series(*both) for both in request) for request in requests]
    after = scrubbed(engine, "remote_write", *bodies)
    for request, body in zip(requests, after, strict=True):
        assert isinstance(body, bytes)
        expected = b"".join(series(cleaned(labels), cleaned(exemplar)) for labels, exemplar in request)
        assert b"".join(without_rules(body)) == expected
