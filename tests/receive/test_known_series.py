"""Requests of remote write, parted into samples of known series and the rest."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbone.receive.envelope import varint
from backbone.receive.known_series import RESOLVED, KnownSeries, Parted
from backbone.store.wire import wire
from backbone.store.wire.shape import has_shape

DAY_MS = 86_400_000
TODAY = 20_000
LAST_DAY = 47_482
NOW_MS = TODAY * DAY_MS + 1234
Series = tuple[tuple[tuple[str, str], ...], tuple[tuple[float, int], ...]]

texts = st.text(min_size=0, max_size=20)
labels = st.lists(st.tuples(texts, texts), max_size=5).map(tuple)
times = st.one_of(
    st.integers(NOW_MS, NOW_MS + 3_600_000), st.integers(-(1 << 63), (1 << 63) - 1), st.just(NOW_MS - DAY_MS)
)
samples = st.lists(st.tuples(st.floats(), times), max_size=4).map(tuple)
requests = st.lists(st.tuples(labels, samples), max_size=8)


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def series(one: Series) -> bytes:
    pairs = b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in one[0])
    points = b"".join(
        field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(at & (1 << 64) - 1)) for value, at in one[1]
    )
    return field(1, pairs + points)


def request(parts: Sequence[Series]) -> bytes:
    return b"".join(map(series, parts))


def keys_of(parted: Parted) -> list[int]:
    """Return the keys that the rest of a request has at the end of each of its series."""
    found, at = [], 0
    while at < len(parted.rest):
        assert parted.rest[at] == 0x0A
        size, shift, at = 0, 0, at + 1
        while True:
            byte = parted.rest[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        at += size
        assert parted.rest[at - 10 : at - 8] == b"\xd1\x3e"
        found.append(int.from_bytes(parted.rest[at - 8 : at], "little"))
    return found


def learned(known: KnownSeries, keys: Sequence[int], fps: Sequence[int], day: int = TODAY) -> None:
    rows = np.array([(key, fp, day) for key, fp in zip(keys, fps, strict=True)], RESOLVED)
    known.learn(rows, known.era)


def repeats(parts: Sequence[Series]) -> list[Series]:
    """Return those that have the labels and the day of the first one with their labels."""
    firsts: dict[object, set[int]] = {}
    found = []
    for one in parts:
        days = {at // DAY_MS for _, at in one[1]}
        if not days:
            continue
        if one[0] in firsts and len(days) == 1 and 0 <= min(days) < LAST_DAY and days == firsts[one[0]]:
            found.append(one)
        firsts.setdefault(one[0], days)
    return found


def parted(known: KnownSeries, body: bytes, tenant: str = "a", *, last: bool = False) -> Parted:
    found = known.part(body, tenant, last=last)
    assert found is not None
    return found


@settings(max_examples=200, deadline=None)
@given(requests)
def test_each_sample_is_either_out_under_its_series_or_in_the_rest_as_it_came(parts: list[Series]) -> None:
    known = KnownSeries()
    body = request(parts)
    first = parted(known, body, last=True)
    keys = keys_of(first)
    assert len(keys) == len(parts)
    assert len(first.fps) == 0
    assert has_shape(wire("remote_write"), first.rest)
    by_key = {key: 16 + number for number, key in enumerate(keys) if key}
    learned(known, list(by_key), list(by_key.values()))

    second = parted(known, body, last=True)

    today = [all(at // DAY_MS == TODAY for _, at in points) and bool(points) for _, points in parts]
    expected = [
        (by_key[key], at, struct.pack("<d", value))
        for (_, points), key, whole in zip(parts, keys, today, strict=True)
        if whole
        for value, at in points
    ]
    values = [struct.pack("<Q", int(bits)) for bits in second.values]
    assert list(zip(second.fps.tolist(), second.times_ms.tolist(), values, strict=True)) == expected
    assert len(keys_of(second)) == today.count(False)


@settings(max_examples=200, deadline=None)
@given(requests, st.lists(st.integers(0, 7), max_size=8))
def test_what_comes_again_of_a_series_waits_until_it_is_known(parts: list[Series], repeated: list[int]) -> None:
    known = KnownSeries()
    parts += [parts[number % len(parts)] for number in repeated if parts]
    first = parted(known, request(parts))
    keys = keys_of(first)
    learned(known, [key for key in keys if key], [16 + number for number, key in enumerate(keys) if key])

    second = parted(known, first.again, last=True)

    waiting = repeats(parts)
    assert len(keys) + len(waiting) == len(parts)
    whole = [one for one in waiting if one[1][0][1] // DAY_MS == TODAY]
    assert list(zip(second.times_ms.tolist(), second.values.tolist(), strict=True)) == [
        (at, struct.unpack("<Q", struct.pack("<d", value))[0]) for one in whole for value, at in one[1]
    ]
    assert len(keys_of(second)) == len(waiting) - len(whole)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), requests)
def test_any_bytes_are_parted_or_left_to_others(noise: bytes, parts: list[Series]) -> None:
    known = KnownSeries()
    body = bytearray(request(parts) + noise)
    for place in range(0, len(body), 7):
        body[place] ^= noise[place % len(noise)] if noise else 0

    found = known.part(bytes(body), "a")

    assert found is None or len(found.fps) == 0


def test_what_a_series_brings_besides_samples_is_for_the_engine() -> None:
    known = KnownSeries()
    histogram = field(1, field(1, field(1, b"a") + field(2, b"b")) + field(4, b""))
    forged = field(1, field(2, b"\x10" + varint(NOW_MS)) + b"\xd1\x3e" + bytes(8))

    assert keys_of(parted(known, histogram + forged)) == [0, 0]


@pytest.mark.parametrize(
    ("tenant", "one", "is_known"),
    [
        pytest.param("a", ((("n", "1"),), ((1.0, NOW_MS),)), True, id="the same"),
        pytest.param("b", ((("n", "1"),), ((1.0, NOW_MS),)), False, id="another tenant's"),
        pytest.param("a", ((("n", "2"),), ((1.0, NOW_MS),)), False, id="another value"),
        pytest.param("a", ((("n", "1"),), ((1.0, NOW_MS + DAY_MS),)), False, id="on another day"),
    ],
)
def test_a_series_is_known_by_tenant_labels_and_day(tenant: str, one: Series, is_known: bool) -> None:
    known = KnownSeries()
    before: Series = ((("n", "1"),), ((1.0, NOW_MS),))
    learned(known, keys_of(parted(known, series(before))), [99])

    assert (parted(known, series(one), tenant).fps.tolist() == [99]) == is_known


def test_samples_of_series_that_are_left_out_are_counted_by_reason() -> None:
    known = KnownSeries()
    one: Series = ((("n", "1"),), ((1.0, NOW_MS), (2.0, NOW_MS + 1)))
    learned(known, keys_of(parted(known, series(one))), [3])

    found = parted(known, series(one))

    assert (len(found.fps), found.rest) == (0, b"")
    assert found.left_out.tolist() == [0, 0, 2, *[0] * 12]


def test_many_series_are_all_remembered_until_all_are_forgotten() -> None:
    known = KnownSeries()
    many: list[Series] = [((("n", str(number)),), ((1.0, NOW_MS),)) for number in range(20_000)]
    body = request(many)
    keys = keys_of(parted(known, body))
    for start in range(0, len(keys), 3000):
        learned(known, keys[start : start + 3000], range(100 + start, 100 + start + len(keys[start : start + 3000])))

    assert parted(known, body).fps.tolist() == list(range(100, 20_100))
    era = known.era
    known.forget()
    known.learn(np.array([(keys[0], 99, TODAY)], RESOLVED), era)
    assert len(parted(known, body).fps) == 0


def test_series_over_a_limit_are_counted_and_those_added_up_stay_unknown() -> None:
    known = KnownSeries()
    body = request([((("__name__", f"m{number}"),), ((1.0, NOW_MS),)) for number in range(4)])
    keys = keys_of(parted(known, body))
    by_rule, by_limit, added_up, stored = 1, 2, 15, 99
    rows = np.array(list(zip(keys, (by_rule, by_limit, added_up, stored), [TODAY] * 4, strict=True)), RESOLVED)
    assert known.learn(rows, known.era) == 2
    again = parted(known, body)
    assert again.fps.tolist() == [stored]
    assert again.left_out[[0, 1]].tolist() == [1, 1]
    assert keys_of(again) == [keys[2]]
