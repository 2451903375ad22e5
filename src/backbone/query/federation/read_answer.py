"""Answers of remote read → series. Source: Prometheus, prompb/types.proto."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cramjam
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from backbone.model.errors import DependencyError
from backbone.query.promql.fetch import moved_stale
from backbone.query.promql.histograms import HistogramRow, Histograms, inferred_hints
from backbone.query.promql.kernels.remote_decode import Decoded, decode
from backbone.query.promql.labels import Labels
from backbone.query.promql.source import too_many_samples
from backbone.query.promql.values import HistogramSamples, Samples, Series

_LEAST_SAMPLE_BYTES = 8


def read_answer(body: bytes, max_samples: int) -> Series:
    """
    Return the series of a snappy-compressed ``ReadResponse`` to one query.

    Raises:
        DependencyError: it is none.
        LimitExceeded: it has more samples than a query may load.
    """
    try:
        if cramjam.snappy.decompress_raw_len(body) > max_samples * _LEAST_SAMPLE_BYTES * 4:
            raise too_many_samples(max_samples)
        data = bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError:
        raise DependencyError("its answer to remote read is not compressed by snappy") from None
    found = decode(data)
    if found is None:
        raise DependencyError("its answer to remote read is no ReadResponse")
    if len(found.times) > max_samples:
        raise too_many_samples(max_samples)
    labels = _labels(data, found)
    floats = Samples(found.times, found.offsets, found.values)
    histograms = _histograms(data, found) if len(found.histograms) else None
    if histograms is not None:
        floats, histograms = moved_stale(floats, histograms)
    return Series(labels, np.zeros(labels.size, np.bool_), floats, histograms)


def _labels(data: bytes, found: Decoded) -> Labels:
    texts: dict[bytes, str] = {}

    def text(begin: int, end: int) -> str:
        raw = data[begin:end]
        known = texts.get(raw)
        if known is None:
            known = texts[raw] = raw.decode(errors="replace")
        return known

    pairs, bounds = found.pairs.tolist(), found.pair_offsets.tolist()
    return Labels.of([{text(a, b): text(c, d) for a, b, c, d in pairs[first:last]} for first, last in pairwise(bounds)])


def _histograms(data: bytes, found: Decoded) -> HistogramSamples:
    try:
        sent = [_Histogram.FromString(data[begin:end]) for begin, end in found.histograms[:, :2].tolist()]
    except message.DecodeError:
        raise DependencyError("its answer to remote read has a histogram that is none") from None
    first = np.zeros(len(sent), np.bool_)
    offsets = found.histogram_offsets
    first[offsets[:-1][np.diff(offsets) > 0]] = True
    block, resets = inferred_hints(Histograms.from_rows([_row(one) for one in sent]), first)
    return HistogramSamples(np.array([one.timestamp for one in sent], np.int64), offsets, block, resets)


def _row(sent: Any) -> HistogramRow:
    return HistogramRow(
        schema=sent.schema,
        count=sent.count_float or float(sent.count_int),
        sum=sent.sum,
        zero_threshold=sent.zero_threshold,
        zero_count=sent.zero_count_float or float(sent.zero_count_int),
        hint=sent.reset_hint,
        positive=_buckets(sent.positive_spans, sent.positive_deltas, sent.positive_counts),
        negative=_buckets(sent.negative_spans, sent.negative_deltas, sent.negative_counts),
        custom=tuple(sent.custom_values),
    )


def _buckets(spans: Any, deltas: Any, counts: Any) -> list[tuple[int, float]]:
    indexes: list[int] = []
    after = 0
    for span in spans:
        after += span.offset
        indexes += range(after, after + min(span.length, len(deltas) + len(counts)))
        after += span.length
    return list(zip(indexes, list(counts) or np.cumsum(list(deltas)).astype(float).tolist(), strict=False))


def _histogram_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="backbone/histogram.proto", package="backbone.read", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto
    span = file.message_type.add(name="BucketSpan")
    span.field.add(name="offset", number=1, type=field.TYPE_SINT32, label=field.LABEL_OPTIONAL)
    span.field.add(name="length", number=2, type=field.TYPE_UINT32, label=field.LABEL_OPTIONAL)
    histogram = file.message_type.add(name="Histogram")
    for number, name, kind in (
        (1, "count_int", field.TYPE_UINT64),
        (2, "count_float", field.TYPE_DOUBLE),
        (3, "sum", field.TYPE_DOUBLE),
        (4, "schema", field.TYPE_SINT32),
        (5, "zero_threshold", field.TYPE_DOUBLE),
        (6, "zero_count_int", field.TYPE_UINT64),
        (7, "zero_count_float", field.TYPE_DOUBLE),
        (14, "reset_hint", field.TYPE_INT32),
        (15, "timestamp", field.TYPE_INT64),
    ):
        histogram.field.add(name=name, number=number, type=kind, label=field.LABEL_OPTIONAL)
    for number, name, kind in (
        (9, "negative_deltas", field.TYPE_SINT64),
        (10, "negative_counts", field.TYPE_DOUBLE),
        (12, "positive_deltas", field.TYPE_SINT64),
        (13, "positive_counts", field.TYPE_DOUBLE),
        (16, "custom_values", field.TYPE_DOUBLE),
    ):
        histogram.field.add(name=name, number=number, type=kind, label=field.LABEL_REPEATED)
    for number, name in ((8, "negative_spans"), (11, "positive_spans")):
        histogram.field.add(
            name=name, number=number, type=field.TYPE_MESSAGE, type_name=".backbone.read.BucketSpan",
            label=field.LABEL_REPEATED,
        )  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("backbone.read.Histogram"))


_Histogram = _histogram_class()
