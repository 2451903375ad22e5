"""Any lists of attributes get new names as a slow reading of the rule gives them, list by list."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from backbone.model.renames import Renames
from backbone.receive.rows.group import GroupRows
from backbone.store.embedded import EmbeddedEngine
from tests.receive.rows.messages import SETTINGS, logs, pair, request, span, strings, traces
from tests.receive.rows.reading import read

NAMES = st.sampled_from(("a", "b", "c", "d", "service.name", "é"))
RENAMES = st.dictionaries(NAMES, NAMES, max_size=5).map(
    lambda found: {old: new for old, new in found.items() if old != new}
)
# A list has each name once.
LIST = st.lists(st.tuples(NAMES, st.booleans()), max_size=6, unique_by=lambda one: one[0])
Attributes = Sequence[tuple[str, bool]]
"""Names, and whether their values are numbers."""


def renamed(names: Sequence[str], renames: dict[str, str]) -> list[str]:
    """Return the names of one list as they are to be."""
    wanted = [renames.get(name, name) for name in names]
    found = []
    for place, (name, new) in enumerate(zip(names, wanted, strict=True)):
        is_taken = new in names or new in wanted[:place]
        found.append(name if is_taken else new)
    return found


def written(attributes: Attributes) -> list[KeyValue]:
    values = ((name, place, is_number) for place, (name, is_number) in enumerate(attributes))
    return [pair(name, AnyValue(int_value=at) if is_number else strings(str(at))) for name, at, is_number in values]


@SETTINGS
@given(st.lists(LIST, min_size=1, max_size=6), LIST, RENAMES, RENAMES)
def test_attributes_of_items_and_resources(
    engine: EmbeddedEngine,
    lists: list[Attributes],
    resource: Attributes,
    of_items: dict[str, str],
    of_resources: dict[str, str],
) -> None:
    form = GroupRows("traces", lambda: Renames(of_resources, of_items))
    group = [request(traces(*(span(attributes=written(one)) for one in lists), attributes=written(resource)))] * 2

    rows = read(engine, "traces", form.payload(group))

    for row, one in zip(rows, [*lists, *lists], strict=True):
        for column, kinds, attributes, renames in (
            ("attributes", "attribute_kinds", one, of_items),
            ("resource", "resource_kinds", resource, of_resources),
        ):
            new = renamed([name for name, _ in attributes], renames)
            assert row[column] == [new, [str(at) for at in range(len(attributes))]]
            assert json.loads(row[kinds] or "{}") == {
                name: "int_value" for name, (_, is_number) in zip(new, attributes, strict=True) if is_number
            }
        assert row["attribute_names"] == "\n".join(row["attributes"][0])
        place = row["resource"][0].index("service.name") if "service.name" in row["resource"][0] else None
        assert row["service"] == ("" if place is None or resource[place][1] else str(place))


def test_other_names_are_as_they_were(engine: EmbeddedEngine) -> None:
    form = GroupRows("logs", lambda: Renames(items={"a": "b"}))
    names = [{"a": "1"}, {"b": "1"}, {"c": "1"}, {"a": "1", "c": "2"}]
    found = logs()
    for one in names:
        record = found.resource_logs[0].scope_logs[0].log_records.add()
        record.attributes.extend(pair(*each) for each in ((name, strings(value)) for name, value in one.items()))

    rows = read(engine, "logs", form.payload([request(found)]))

    assert [row["attributes"][0] for row in rows] == [["b"], ["b"], ["c"], ["b", "c"]]


def test_what_is_renamed_is_asked_before_each_group(engine: EmbeddedEngine) -> None:
    renames = iter([Renames(items={"a": "b"}), Renames(), Renames(items={"a": "c"})])
    form = GroupRows("traces", lambda: next(renames))
    group = [request(traces(span(attributes=[pair("a", strings("1"))])))]

    found = [read(engine, "traces", form.payload(group))[0]["attributes"][0] for _ in range(3)]

    assert found == [["b"], ["a"], ["c"]]
