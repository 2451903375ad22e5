"""Consistent probability sampling, held against the specification and against a reading of it in Python."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backbone.process.sample.threshold import (
    WEIGHT,
    by_service,
    packed,
    probability,
    randomness,
    threshold,
    upstream,
    with_threshold,
)
from backbone.store.engine import Statement
from tests.process.sample.sampled import Sampled

SCHEMA = Path(__file__).parents[3] / "src/backbone/store/schema/0008_sampling.sql"
AGAIN = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

HEX = "0123456789abcdef"
IDS = st.binary(min_size=16, max_size=16)
RATIOS = st.floats(min_value=1e-6, max_value=1)
SUB_KEYS = st.one_of(
    st.text(HEX, min_size=1, max_size=15).map("th:{}".format),
    st.text(HEX, min_size=13, max_size=15).map("rv:{}".format),
    st.sampled_from(["th:", "th:g", "xth:8", "rv:", "p:8", "r:62", "k:a.b_c-d"]),
)
MEMBERS = st.one_of(
    st.lists(SUB_KEYS, min_size=1, max_size=4).map(lambda keys: "ot=" + ";".join(keys)),
    st.text(string.ascii_lowercase, min_size=1, max_size=5).map("{}=th:8;rv:0123456789abcd".format),
)
STATES = st.lists(MEMBERS, max_size=4).map(lambda members: ", ".join(_once(members)))


def _once(members: list[str]) -> list[str]:
    return list({member.split("=")[0]: member for member in members}.values())


def _sub_key(state: str, name: str, form: str) -> str:
    """Return the value of a sub-key of ``ot``, empty where there is none or it is malformed; of several the last."""
    found = ""
    for member in state.split(","):
        key, _, value = member.strip().partition("=")
        if key == "ot":
            for pair in value.split(";"):
                inner, _, text = pair.partition(":")
                if inner == name and re.fullmatch(form, text):
                    found = text
    return found


def _randomness(trace_id: bytes, state: str) -> int:
    explicit = _sub_key(state, "rv", "[0-9a-f]{14}")
    return int(explicit, 16) if explicit else int.from_bytes(trace_id[-7:])


def _upstream(state: str) -> int:
    return int(_sub_key(state, "th", "[0-9a-f]{1,14}").ljust(14, "0"), 16)


async def _of_spans(sampled: Sampled, columns: str, spans: list[tuple[bytes, str]]) -> list[dict[str, Any]]:
    """Return expressions over trace ids and states."""
    sql = f"SELECT {columns} FROM (SELECT toFixedString(unhex(s.1), 16) AS trace_id, s.2 AS trace_state, '' AS service "
    sql += "FROM (SELECT arrayJoin(arrayZip({ids:Array(String)}, {states:Array(String)})) AS s))"
    parameters = {"ids": [trace_id.hex() for trace_id, _ in spans], "states": [state for _, state in spans]}
    return await sampled.stored.engine.rows(Statement(sql, parameters))


@pytest.mark.parametrize(
    ("one_in", "expected"),
    [(1, "0"), (2, "8"), (3, "aaab"), (5, "cccd"), (10, "e666"), (100, "fd70a"), (1000, "ffbe77"), (10**6, "ffffef39")],
)
def test_threshold_is_that_of_the_specification(one_in: int, expected: str) -> None:
    assert threshold(1 / one_in) == expected
    assert 1 / probability(expected) == pytest.approx(one_in, rel=1e-4)


@AGAIN
@given(st.lists(st.tuples(IDS, STATES), min_size=1, max_size=50))
async def test_randomness_and_threshold_are_read_as_the_specification_says(
    sampled: Sampled, spans: list[tuple[bytes, str]]
) -> None:
    columns = f"lower(hex({randomness()})) AS r, lower(hex({upstream()})) AS t, {WEIGHT} AS weight"
    rows = await _of_spans(sampled, columns, spans)

    for (trace_id, state), row in zip(spans, rows, strict=True):
        assert int(row["r"], 16) == _randomness(trace_id, state), state
        assert int(row["t"], 16) == _upstream(state), state
        assert float(row["weight"]) == pytest.approx(2**56 / (2**56 - _upstream(state)))


@AGAIN
@given(st.lists(IDS, min_size=1, max_size=50), RATIOS, RATIOS)
async def test_services_agree_and_what_a_smaller_share_keeps_every_larger_one_keeps(
    sampled: Sampled, ids: list[bytes], one: float, other: float
) -> None:
    services = by_service(threshold(one), {"other": threshold(other)})
    kept = ", ".join(
        f"{randomness()} >= {services.replace('service', at)} AS {at[1:-1]}" for at in ("'one'", "'other'")
    )
    rows = await _of_spans(
        sampled, f"{kept}, {randomness()} >= {packed(threshold(one))} AS again", [(i, "") for i in ids]
    )

    for trace_id, row in zip(ids, rows, strict=True):
        assert row["one"] == row["again"] == (_randomness(trace_id, "") >= int(threshold(one).ljust(14, "0"), 16))
        smaller, larger = ("one", "other") if one <= other else ("other", "one")
        assert row[larger] >= row[smaller]


@AGAIN
@given(st.lists(STATES, min_size=1, max_size=50), RATIOS)
async def test_new_threshold_replaces_the_old_one_and_nothing_else(
    sampled: Sampled, states: list[str], ratio: float
) -> None:
    th = threshold(ratio)
    changed = with_threshold(packed(th)) if th != "0" else "trace_state"
    rows = await _of_spans(sampled, f"{changed} AS state", [(bytes(16), state) for state in states])

    for state, row in zip(states, rows, strict=True):
        if th != "0":
            assert row["state"].startswith(f"ot=th:{th}")
            assert _sub_key(row["state"], "th", ".*") == th
        assert _others(row["state"]) == _others(state)


def _others(state: str) -> tuple[list[str], list[str]]:
    members = [member.strip() for member in state.split(",") if member.strip()]
    ours = [key for member in members if member.startswith("ot=") for key in member[3:].split(";")]
    return [m for m in members if not m.startswith("ot=")], [key for key in ours if not key.startswith("th:")]


async def test_state_never_gets_more_members_or_longer_than_others_read(sampled: Sampled) -> None:
    full = ",".join(f"m{number}=x" for number in range(32))
    long = "ot=" + ";".join(f"key{number}:{'x' * 20}" for number in range(10))
    rows = await _of_spans(sampled, f"{with_threshold(packed('8'))} AS state", [(bytes(16), full), (bytes(16), long)])

    assert rows[0]["state"] == "ot=th:8," + ",".join(f"m{number}=x" for number in range(31))
    assert rows[1]["state"] == long


def test_the_tables_default_weight_is_ours() -> None:
    assert SCHEMA.read_text().count(WEIGHT) == 2
