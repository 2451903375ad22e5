"""Structural queries run machine code that was made before the first of them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from backbone.query.traceql import kernels
from backbone.query.traceql.parser import parse
from backbone.query.traceql.search import _keys
from backbone.query.traceql.warm import warm_up

LOOPS = (kernels.find_parents, kernels.have_ancestor, kernels.are_ancestors)


@pytest.mark.parametrize("operator", [">", ">>", "<", "<<"])
def test_nothing_is_compiled_for_a_query(operator: str) -> None:
    warm_up()
    table = pa.table({"trace": ["a", "a"], "span": [1, 2], "parent": [0, 1], "b0": [True, False], "b1": [False, True]})

    found = _keys(table, parse(f"{{ kind = client }} {operator} {{ kind = server }}").pipeline)

    assert len(found.get("a", ())) == (1 if operator in {">", ">>"} else 0)
    assert [len(loop.signatures) for loop in LOOPS] == [1, 1, 1]  # type: ignore[union-attr]
