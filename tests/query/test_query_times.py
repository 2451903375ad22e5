"""Times and durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbone.model.errors import UserInputError
from backbone.model.tenant import Tenants
from backbone.query.times import LATEST_NS, parse_duration_ns, parse_time_ns, print_duration, print_time

_NOW = 1_750_000_000_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("now", _NOW, id="now"),
        pytest.param("15m", _NOW - 900_000_000_000, id="so long ago"),
        pytest.param("1700000000", 1_700_000_000_000_000_000, id="seconds"),
        pytest.param("1700000000.5", 1_700_000_000_500_000_000, id="seconds and a half"),
        pytest.param("2025-06-15T15:06:40Z", _NOW, id="RFC 3339"),
        pytest.param("2025-06-15T17:06:40.000000001+02:00", _NOW + 1, id="a zone and nanoseconds"),
        pytest.param("2025-06-15", 1_749_945_600_000_000_000, id="a day"),
        pytest.param("-5", 0, id="before storage's time"),
        pytest.param("1e30", LATEST_NS, id="after storage's time"),
    ],
)
def test_a_time_is_read(text: str, expected: int) -> None:
    assert parse_time_ns(text, "since", now_ns=_NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-01", "5", "1h 30m", "m"])
def test_a_duration_or_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserInputError, match="'min_duration': "):
        parse_duration_ns(text, "min_duration")
    if text != "5":
        with pytest.raises(UserInputError, match="'since': "):
            parse_time_ns(text, "since", now_ns=_NOW)


@given(st.text(max_size=30) | st.from_regex(r"[0-9.:TZ+-]{1,30}", fullmatch=True))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        assert 0 <= parse_time_ns(text, "since", now_ns=_NOW) <= LATEST_NS
    except UserInputError as error:
        assert "'since'" in str(error)  # noqa: PT017 - either is right


@given(st.integers(0, LATEST_NS))
def test_a_printed_time_reads_as_itself(nanoseconds: int) -> None:
    assert parse_time_ns(print_time(nanoseconds), "since", now_ns=_NOW) == nanoseconds


@pytest.mark.parametrize(
    ("nanoseconds", "expected"), [(812, "812ns"), (4_200_000, "4.2ms"), (3_100_000_000, "3.1s"), (125e9, "2m05s")]
)
def test_a_duration_is_printed_in_the_unit_that_fits(nanoseconds: float, expected: str) -> None:
    assert print_duration(nanoseconds) == expected


@pytest.mark.parametrize("name", ["", "a b", "x" * 151, "a/b", "ä", "a\nb"])
def test_a_tenant_of_other_characters_is_refused(name: str) -> None:
    with pytest.raises(UserInputError, match="X-Scope-OrgID"):
        Tenants().parse(name)
