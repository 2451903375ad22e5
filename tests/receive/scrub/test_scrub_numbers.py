"""Numbers that stand alone are told by compiled loops; what those say is what the engine would."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from backbone.process.redact import redaction
from backbone.store.embedded import EmbeddedEngine
from tests.process.redact.scrubbing import KEY, config, scrub, scrub_in_rows, scrub_now
from tests.receive.scrub.scrubbed import SETTINGS, logs, record, scrubbed

CARD = "4111111111111111"


def luhn(number: int) -> int:
    """Return the number with the digit after it that makes it a card's."""
    digits = [int(digit) for digit in str(number)[::-1]]
    total = sum(sum(divmod(2 * digit, 10)) if at % 2 == 0 else digit for at, digit in enumerate(digits))
    return 10 * number + -total % 10


SIGNS = st.sampled_from(
    ["", " ", ",", ".", "_", "-", ">", "\\", "/", ":", "#", "a", "Z", "7", "é", ", ", "\\n", "<email>"]
)
CARDS = st.builds(
    lambda first, more, size: luhn(int(str(first) + f"{more:018}"[: size - len(str(first)) - 1])),
    st.sampled_from([4, 34, 37, 300, 305, 306, 36, 38, 39, 35, 50, 58, 59, 60, 69, 22, 27, 28, 19, 1]),
    st.integers(0, 10**18 - 1),
    st.integers(13, 19),
)


@SETTINGS
@given(st.lists(st.lists(st.one_of(SIGNS, CARDS.map(str)), max_size=6).map("".join), min_size=1, max_size=100))
@example(["4111111111111111, 378282246310005", "30569309025904/4111111111111112"])
def test_cards_are_masked_in_requests_as_they_are_in_rows(engine: EmbeddedEngine, texts: list[str]) -> None:
    found = redaction(config(labels="mask"), KEY)
    assert asyncio.run(scrub(engine, texts)) == asyncio.run(scrub_in_rows(engine, texts, found))


@pytest.mark.parametrize(
    ("action", "after"),
    [
        pytest.param("mask", "paid with <card>.", id="mask"),
        pytest.param("truncate", "paid with <card:4111…>.", id="truncate"),
        pytest.param("drop", "", id="drop"),
        pytest.param("keep", f"paid with {CARD}.", id="keep"),
    ],
)
def test_what_is_done_with_cards(engine: EmbeddedEngine, action: str, after: str) -> None:
    redact = config(rules={"card": action})
    assert scrub_now(engine, [f"paid with {CARD}."], redact=redact) == [after]


def account(country: str, rest: str) -> str:
    """Return an account's number, with the check digits that belong to it."""
    turned = "".join(str(int(character, 36)) for character in rest + country)
    return f"{country}{98 - int(turned) * 100 % 97:02}{rest}"


RESTS = st.builds(
    lambda letters, digits, more, size: f"{letters}{digits:07}{more}"[: size - 4],
    st.text("abcdefz", max_size=6),
    st.integers(0, 10**7 - 1),
    st.text("abc0123456789", max_size=20),
    st.sampled_from([15, 16, 22, 31, 33]),
)
COUNTRIES = st.sampled_from(["be", "gb", "no", "de", "mt", "ru", "xx", "GB", "Be"])
ACCOUNTS_NEARLY = st.builds(
    lambda country, rest, check, after: (f"{country}{check:02}{rest}" if check else account(country, rest)) + after,
    COUNTRIES,
    RESTS,
    st.sampled_from([0, 0, 0, 12, 99]),
    st.sampled_from(["", "", " x", "x", "7", "_", "Z", ",", "é"]),
)


@SETTINGS
@given(st.lists(ACCOUNTS_NEARLY, min_size=1, max_size=400))
@example(
    [
        "gb82west12345698765432",
        "be68539007547034",
        "be68539007547035",
        "no9386011117947 x",
        "gb82west12345698765432word",
    ]
)
def test_accounts_are_found_in_requests_as_they_are_in_rows(engine: EmbeddedEngine, texts: list[str]) -> None:
    found = redaction(config(labels="mask"), KEY)
    assert asyncio.run(scrub(engine, texts)) == asyncio.run(scrub_in_rows(engine, texts, found))


LONG = st.integers(10**11, 9 * 10**17)
FRENCH = st.integers(1, 2).flatmap(lambda sex: st.integers(sex * 10**12 + 10**8, sex * 10**12 + 10**12 - 1))
CHINESE = st.builds(
    lambda place, born, number: int(f"{place}{born:%Y%m%d}{number}"),
    st.integers(100000, 999999),
    st.dates(date(1900, 1, 1), date(2099, 12, 31)),
    st.integers(1000, 9999),
)
INTEGERS = st.one_of(
    LONG, LONG.map(luhn), st.integers(4 * 10**14, 5 * 10**14).map(luhn), CHINESE, FRENCH,
    FRENCH.map(lambda number: 100 * number + 97 - number % 97), st.integers(-(2**63), 2**63 - 1),
)  # fmt: skip


@SETTINGS
@given(st.lists(INTEGERS, min_size=1, max_size=200))
def test_integers_are_found_as_their_texts_are(engine: EmbeddedEngine, numbers: list[int]) -> None:
    texts = [str(number) for number in numbers]
    expected = asyncio.run(scrub_in_rows(engine, texts, redaction(config(labels="mask"), KEY)))
    [body] = scrubbed(engine, "logs", logs(*(record(body=AnyValue(int_value=number)) for number in numbers)))
    assert isinstance(body, bytes)
    bodies = [one.body for one in LogsData.FromString(body).resource_logs[0].scope_logs[0].log_records]
    assert [one.string_value or str(one.int_value) for one in bodies] == expected
    assert asyncio.run(scrub(engine, texts)) == expected
