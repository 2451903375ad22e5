"""A number's text is the shortest that is read back as the same number, and what the engine makes of it, too."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator, Sequence

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backbone.compiled.decimals import MOST_DIGITS, put_double, put_integer
from backbone.store.embedded import EmbeddedEngine, EmbeddedOptions
from backbone.store.engine import Statement

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
BEYOND = 0xAA
"""What stands where no text may be written."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    opened = EmbeddedEngine.open(tmp_path_factory.mktemp("decimals"), EmbeddedOptions(connections=1))
    yield opened
    asyncio.run(opened.close())


def bits_of(number: float) -> int:
    """Return a double's bits as an unsigned number."""
    [bits] = struct.unpack("<Q", struct.pack("<d", number))
    return int(bits)


def number_of(bits: int) -> float:
    [number] = struct.unpack("<d", struct.pack("<Q", bits))
    return float(number)


def signed(bits: int) -> int:
    return bits - (1 << 64) if bits >> 63 else bits


def written(bits: int) -> str:
    room = np.full(MOST_DIGITS + 1, BEYOND, np.uint8)
    end = put_double(signed(bits), room.ctypes.data) - room.ctypes.data
    assert room[MOST_DIGITS] == BEYOND
    return room[:end].tobytes().decode()


def of_engine(engine: EmbeddedEngine, bits: Sequence[int]) -> list[str]:
    sql = "SELECT arrayMap(one -> toString(reinterpretAsFloat64(one)), {bits:Array(UInt64)}) AS texts"
    answer = asyncio.run(engine.query(Statement(sql, {"bits": list(bits)}), output="JSONEachRow"))
    texts: list[str] = orjson.loads(answer)["texts"]
    return texts


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param(0.0, "0", id="nothing"),
        pytest.param(-0.0, "-0", id="nothing, below"),
        pytest.param(1.0, "1", id="whole numbers have no point"),
        pytest.param(-12345.0, "-12345", id="a sign"),
        pytest.param(0.3, "0.3", id="a fraction"),
        pytest.param(4.35, "4.35", id="a fraction that is none in binary"),
        pytest.param(0.1 + 0.2, "0.30000000000000004", id="17 digits"),
        pytest.param(100.25, "100.25", id="a point within"),
        pytest.param(9007199254740993.0, "9007199254740992", id="past whole numbers, to the even one"),
        pytest.param(1e20, "100000000000000000000", id="the last without an exponent"),
        pytest.param(123456789012345680000.0, "123456789012345680000", id="zeros after the digits"),
        pytest.param(1e21, "1e21", id="the first with one"),
        pytest.param(-1.25e22, "-1.25e22", id="digits and an exponent"),
        pytest.param(1e-6, "0.000001", id="the least without an exponent"),
        pytest.param(-1.2345678901234567e-6, "-0.0000012345678901234567", id="the longest of all"),
        pytest.param(1e-7, "1e-7", id="the first below"),
        pytest.param(1.5e-300, "1.5e-300", id="an exponent of three digits"),
        pytest.param(2.0**-1022, "2.2250738585072014e-308", id="the least normal one"),
        pytest.param(5e-324, "5e-324", id="the least of all"),
        pytest.param(1.7976931348623157e308, "1.7976931348623157e308", id="the greatest"),
        pytest.param(9.5367431640625e-7, "9.5367431640625e-7", id="a power of two, whose neighbours are not as near"),
        pytest.param(2e23, "2e23", id="on the edge between two"),
        pytest.param(float("inf"), "inf", id="infinite"),
        pytest.param(float("-inf"), "-inf", id="infinite, below"),
        pytest.param(float("nan"), "nan", id="no number"),
        pytest.param(-float("nan"), "nan", id="no number, with a sign"),
    ],
)
def test_numbers_are_spelled(engine: EmbeddedEngine, number: float, expected: str) -> None:
    assert written(bits_of(number)) == expected
    assert of_engine(engine, [bits_of(number)]) == [expected]


POWERS = st.integers(0, 0x7FE).map(lambda exponent: exponent << 52)
"""Powers of two, whose neighbours below are nearer than those above."""
BITS = st.one_of(
    st.floats().map(bits_of),
    st.floats(allow_subnormal=True, min_value=-(2.0**-1022), max_value=2.0**-1022).map(bits_of),
    st.integers(0, 2**64 - 1),
    st.builds(lambda power, apart: max(power + apart, 0), POWERS, st.integers(-2, 2)),
    st.integers(-(10**22), 10**22).map(lambda whole: bits_of(float(whole))),
    st.builds(
        lambda digits, exponent: bits_of(float(f"{digits}e{exponent}")),
        st.integers(-9999, 10**17),
        st.integers(-30, 25),
    ),
)


@SETTINGS
@given(st.lists(BITS, min_size=1, max_size=300))
def test_any_number_is_spelled_as_the_engine_spells_it(engine: EmbeddedEngine, numbers: list[int]) -> None:
    assert [written(bits) for bits in numbers] == of_engine(engine, numbers)


def digits_of(text: str) -> str:
    """Return a number's digits, without zeros around them."""
    return text.lower().lstrip("-").partition("e")[0].replace(".", "").strip("0")


@SETTINGS
@given(st.lists(BITS.filter(lambda bits: bits & 0x7FF << 52 != 0x7FF << 52), min_size=1, max_size=300))
def test_any_number_is_read_back_from_as_few_digits_as_can_be(numbers: list[int]) -> None:
    for bits in numbers:
        assert bits_of(float(written(bits))) == bits
        assert digits_of(written(bits)) == digits_of(repr(number_of(bits)))


def test_all_powers_of_two_and_their_neighbours(engine: EmbeddedEngine) -> None:
    near = [(exponent << 52) + apart for exponent in range(1, 0x7FF) for apart in (-1, 0, 1)]

    assert [written(bits) for bits in near] == of_engine(engine, near)


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_are_their_digits(number: int) -> None:
    room = np.full(MOST_DIGITS, BEYOND, np.uint8)
    end = put_integer(number, room.ctypes.data) - room.ctypes.data
    assert room[:end].tobytes().decode() == str(number)
