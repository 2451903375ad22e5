"""Columns declared as for a table are told one by one, as blocks have them."""

from __future__ import annotations

import pytest

from backbone.store.wire import ROWS, wire
from backbone.store.wire.columns import WRITTEN, declared


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        pytest.param("", {}, id="none"),
        pytest.param("a String", {"a": "String"}, id="one"),
        pytest.param("\n  a  String,\n  b UInt8\n", {"a": "String", "b": "UInt8"}, id="over lines"),
        pytest.param(
            "a Map(String, UInt8), b UInt8", {"a": "Map(String, UInt8)", "b": "UInt8"}, id="commas in brackets"
        ),
        pytest.param("a Enum8('x' = 0, 'y' = 1)", {"a": "Enum8('x' = 0, 'y' = 1)"}, id="spaces in a type"),
        pytest.param(
            "e Nested (a DateTime64(9, 'UTC'), b Map(String, String)), c UInt8",
            {"e.a": "Array(DateTime64(9, 'UTC'))", "e.b": "Array(Map(String, String))", "c": "UInt8"},
            id="parts are columns of their own",
        ),
    ],
)
def test_columns(columns: str, expected: dict[str, str]) -> None:
    assert declared(columns) == expected


@pytest.mark.parametrize("name", ROWS)
def test_what_is_kept_is_followed_by_what_only_receivers_say(name: str) -> None:
    shape = wire("traces" if name == "traces" else "logs")
    assert shape.proto is None
    assert declared(shape.columns) == declared(ROWS[shape.name]) | declared(WRITTEN)
