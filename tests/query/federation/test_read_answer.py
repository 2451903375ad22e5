"""What remote read answers is read as it was sent, and what is no answer is refused."""

from __future__ import annotations

import struct

import cramjam
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbone.model.errors import DependencyError, LimitExceeded
from backbone.query.federation.read_answer import read_answer
from backbone.query.promql.histograms import HistogramRow
from backbone.query.promql.values import Series
from backbone.query.remote_read import Points, message_field, read_response, write_request

_FLOATS = st.floats(width=64)
_SERIES = st.dictionaries(
    st.text(min_size=1, max_size=5).filter(lambda text: text.isprintable()),
    st.lists(st.tuples(st.integers(-(2**62), 2**62), _FLOATS), max_size=20, unique_by=lambda sample: sample[0]),
    max_size=6,
)


def _answer(series: dict[str, Points]) -> bytes:
    # A write request holds its series as a query's result does.
    body = write_request(({"__name__": name}, points) for name, points in series.items())
    return bytes(cramjam.snappy.compress_raw(message_field(1, body)))


@given(_SERIES)
@settings(deadline=None, max_examples=100)
def test_samples_come_back(sent: dict[str, list[tuple[int, float]]]) -> None:
    found = read_answer(_answer(dict(sent)), 1_000)

    assert [row["__name__"] for row in found.labels.rows()] == list(sent)
    for index, samples in enumerate(sent.values()):
        begin, end = found.floats.offsets[index : index + 2]
        assert found.floats.times[begin:end].tolist() == [time for time, _ in samples]
        bits = [struct.pack("<d", value) for _, value in samples]
        assert [struct.pack("<d", value) for value in found.floats.values[begin:end].tolist()] == bits


def test_native_histograms_come_back() -> None:
    sent = HistogramRow(2, 7.0, 12.5, 0.001, 1.0, 0, [(-3, 2.0), (0, 1.0), (9, 1.0)], [(4, 2.0)])
    found = read_answer(_answer({"h": [(5, sent)], "f": [(6, 1.0)]}), 10)

    assert found.histograms is not None
    assert found.histograms.times.tolist() == [5]
    assert found.histograms.offsets.tolist() == [0, 1, 1]
    assert found.histograms.block.row(0) == sent


def test_what_is_read_can_be_sent_on() -> None:
    first = read_answer(_answer({"a": [(1, 2.0), (3, 4.0)], "b": [(5, float("nan"))]}), 10)
    second = read_answer(bytes(cramjam.snappy.compress_raw(read_response([first]))), 10)

    assert _plain(first) == _plain(second)


def _plain(series: Series) -> tuple[object, ...]:
    floats = series.floats
    return series.labels.rows(), floats.times.tolist(), floats.offsets.tolist(), floats.values.view(np.int64).tolist()


@given(st.binary(max_size=200), st.integers(0, 10_000))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_read_or_refused(noise: bytes, at: int) -> None:
    body = write_request([({"__name__": "a"}, [(1, 1.0), (2, 2.0)])])
    mixed = message_field(1, body[: at % len(body)] + noise + body[at % len(body) :])
    for content in (noise, bytes(cramjam.snappy.compress_raw(noise)), bytes(cramjam.snappy.compress_raw(mixed))):
        try:
            read_answer(content, 1_000)
        except (DependencyError, LimitExceeded):
            continue


def test_more_samples_than_a_query_may_hold_are_refused() -> None:
    with pytest.raises(LimitExceeded, match=r"promql\.max_samples"):
        read_answer(_answer({"a": [(time, 1.0) for time in range(11)]}), 10)
