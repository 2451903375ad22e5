"""
Remote read: series with their raw samples, as protobuf. Source: Prometheus, prompb/remote.proto.

The few messages around the samples are written by hand; samples and chunks are written by compiled loops.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import google_crc32c
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from backbone.model.errors import UserInputError
from backbone.query.promql.arrays import Mask, Times
from backbone.query.promql.histograms import HistogramRow
from backbone.query.promql.kernels.arrange import subset
from backbone.query.promql.kernels.remote import CHUNK_SAMPLES, sample_messages, xor_chunk
from backbone.query.promql.source import Selection
from backbone.query.promql.values import HistogramSamples, Samples, Series
from backbone.query.selectors import Matcher, Operator, PatternError

_OPERATORS: tuple[Operator, ...] = ("=", "!=", "=~", "!~")
_SAMPLES, _STREAMED = 0, 1
_XOR = 1


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What is asked for, and the kinds of answers that are understood, the one liked best first."""

    selections: tuple[Selection, ...]
    accepts: tuple[int, ...]

    @property
    def takes_chunks(self) -> bool:
        return next((kind for kind in self.accepts if kind in {_SAMPLES, _STREAMED}), _SAMPLES) == _STREAMED

    @property
    def takes_samples(self) -> bool:
        return not self.accepts or _SAMPLES in self.accepts


def parse_request(body: bytes) -> ReadRequest:
    """
    Return what a ``ReadRequest`` asks.

    Raises:
        UserInputError: it is none, or asks for what there cannot be.
    """
    try:
        request = _Request.FromString(body)
    except message.DecodeError:
        raise UserInputError(f"body: expected a ReadRequest, got {len(body)} bytes that are none") from None
    selections = []
    for number, query in enumerate(request.queries):
        matchers = tuple(_matcher(number, one) for one in query.matchers)
        if query.end_timestamp_ms < query.start_timestamp_ms:
            raise UserInputError(f"queries[{number}].end_timestamp_ms: is before start_timestamp_ms")
        # A selection is open at its start, a request is closed.
        selections.append(Selection(matchers, query.start_timestamp_ms - 1, query.end_timestamp_ms))
    return ReadRequest(tuple(selections), tuple(request.accepted_response_types))


def read_request(wanted: Selection) -> bytes:
    """Return the ``ReadRequest`` that asks for raw samples."""
    request = _Request(accepted_response_types=[_SAMPLES])
    # A selection is open at its start, a request is closed.
    query = request.queries.add(start_timestamp_ms=wanted.start_ms + 1, end_timestamp_ms=wanted.end_ms)
    for matcher in wanted.matchers:
        query.matchers.add(type=_OPERATORS.index(matcher.operator), name=matcher.label, value=matcher.value)
    return bytes(request.SerializeToString())


def _matcher(number: int, given: Any) -> Matcher:
    kind, name, value = (getattr(given, field) for field in ("type", "name", "value"))
    if not 0 <= kind < len(_OPERATORS):
        raise UserInputError(f"queries[{number}].matchers: unknown type {kind}, 0 to 3 are accepted")
    if not name:
        raise UserInputError(f"queries[{number}].matchers: a matcher without a label's name")
    try:
        return Matcher(name, _OPERATORS[kind], value).checked()
    except PatternError as error:
        raise UserInputError(f"queries[{number}].matchers: {error}") from error


def cut(series: Series, wanted: Selection) -> Series:
    """Return series with the samples of the time wanted only."""

    def inside(times: Times) -> Mask:
        return (times > wanted.start_ms) & (times <= wanted.end_ms)

    floats, histograms = series.floats, series.histograms
    kept = inside(floats.times)
    floats = Samples(floats.times[kept], subset(floats.offsets, kept), floats.values[kept])
    if histograms is not None:
        kept = inside(histograms.times)
        histograms = HistogramSamples(
            histograms.times[kept],
            subset(histograms.offsets, kept),
            histograms.block.take(np.flatnonzero(kept)),
            histograms.resets[kept],
        )
    return Series(series.labels, series.nameless, floats, histograms)


def read_response(results: list[Series]) -> bytes:
    """Return a ``ReadResponse``: the samples of each query's series."""
    return b"".join(
        message_field(1, b"".join(message_field(1, one) for one in _time_series(series))) for series in results
    )


def _time_series(series: Series) -> Iterator[bytes]:
    for index in series.labels.sort_order().tolist():
        samples = sample_messages(*_floats(series, index))
        histograms = b"".join(_histograms(series, index))
        if samples or histograms:
            yield _labels(series, index) + samples + histograms


def chunked_frames(results: list[Series]) -> Iterator[bytes]:
    """Yield the frames of a streamed answer: size, checksum and a ``ChunkedReadResponse`` of one series each."""
    for number, series in enumerate(results):
        for index in series.labels.sort_order().tolist():
            times, values = _floats(series, index)
            if not len(times):
                continue
            chunks = b"".join(
                message_field(2, _chunk(times[at : at + CHUNK_SAMPLES], values[at : at + CHUNK_SAMPLES]))
                for at in range(0, len(times), CHUNK_SAMPLES)
            )
            content = message_field(1, _labels(series, index) + chunks) + number_field(2, number)
            yield _varint(len(content)) + struct.pack(">I", google_crc32c.value(content)) + content


def _chunk(times: np.ndarray, values: np.ndarray) -> bytes:
    return (
        number_field(1, int(times[0]))
        + number_field(2, int(times[-1]))
        + number_field(3, _XOR)
        + message_field(4, xor_chunk(times, values))
    )


def _floats(series: Series, index: int) -> tuple[np.ndarray, np.ndarray]:
    begin, end = series.floats.offsets[index : index + 2].tolist()
    return series.floats.times[begin:end], series.floats.values[begin:end]


def _labels(series: Series, index: int) -> bytes:
    row = series.labels.row(index).items()
    return b"".join(
        message_field(1, message_field(1, name.encode()) + message_field(2, value.encode())) for name, value in row
    )


def _histograms(series: Series, index: int) -> Iterator[bytes]:
    if series.histograms is None:
        return
    begin, end = series.histograms.offsets[index : index + 2].tolist()
    for at in range(begin, end):
        yield message_field(4, _histogram(series.histograms.block.row(at), int(series.histograms.times[at])))


def _histogram(row: HistogramRow, time_ms: int) -> bytes:
    """Return remote read's and write's ``Histogram``, with counts as floats."""
    return b"".join(
        [
            double_field(2, row.count),
            double_field(3, row.sum),
            number_field(4, _zigzag(row.schema)),
            double_field(5, row.zero_threshold),
            double_field(7, row.zero_count),
            *_buckets(8, 10, row.negative),
            *_buckets(11, 13, row.positive),
            number_field(14, row.hint),
            number_field(15, time_ms),
            _doubles(16, list(row.custom)),
        ]
    )


Points = Iterable[tuple[int, float | HistogramRow]]
"""Milliseconds and value of a few samples."""


def write_request(series: Iterable[tuple[dict[str, str], Points]]) -> bytes:
    """Return remote write's ``WriteRequest``."""
    return b"".join(message_field(1, _few(labels, points)) for labels, points in series)


def _few(labels: dict[str, str], points: Points) -> bytes:
    parts = [
        message_field(1, message_field(1, name.encode()) + message_field(2, value.encode()))
        for name, value in labels.items()
    ]
    for time, point in points:
        if isinstance(point, HistogramRow):
            parts.append(message_field(4, _histogram(point, time)))
        else:
            parts.append(message_field(2, double_field(1, point) + number_field(2, time)))
    return b"".join(parts)


def _buckets(spans: int, counts: int, pairs: list[tuple[int, float]]) -> Iterator[bytes]:
    """Yield spans of neighbouring buckets, and the counts in all of them."""
    used = [(index, count) for index, count in pairs if count]
    after, at = 0, 0
    while at < len(used):
        first, length = used[at][0], 1
        while at + length < len(used) and used[at + length][0] == first + length:
            length += 1
        yield message_field(spans, number_field(1, _zigzag(first - after)) + number_field(2, length))
        after, at = first + length, at + length
    yield _doubles(counts, [count for _, count in used])


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def message_field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def number_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value & (1 << 64) - 1)


def _zigzag(value: int) -> int:
    return value << 1 ^ value >> 63


def double_field(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _doubles(number: int, values: list[float]) -> bytes:
    return message_field(number, struct.pack(f"<{len(values)}d", *values)) if values else b""


def _request_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="backbone/read.proto", package="backbone.read", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto
    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    matcher = file.message_type.add(name="LabelMatcher")
    matcher.field.add(name="type", number=1, type=field.TYPE_INT32, label=one)
    matcher.field.add(name="name", number=2, type=field.TYPE_STRING, label=one)
    matcher.field.add(name="value", number=3, type=field.TYPE_STRING, label=one)
    query = file.message_type.add(name="Query")
    query.field.add(name="start_timestamp_ms", number=1, type=field.TYPE_INT64, label=one)
    query.field.add(name="end_timestamp_ms", number=2, type=field.TYPE_INT64, label=one)
    query.field.add(
        name="matchers", number=3, type=field.TYPE_MESSAGE, type_name=".backbone.read.LabelMatcher", label=many
    )
    request = file.message_type.add(name="ReadRequest")
    request.field.add(name="queries", number=1, type=field.TYPE_MESSAGE, type_name=".backbone.read.Query", label=many)
    request.field.add(name="accepted_response_types", number=2, type=field.TYPE_INT32, label=many)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("backbone.read.ReadRequest"))


_Request = _request_class()
