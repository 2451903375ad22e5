"""What becomes of rows under a tagging standard: the compiled steps over requests as they come in."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from backbone.app.forms import form_of
from backbone.config.load import parse_file
from backbone.config.policy import PolicyConfig
from backbone.model.renames import Renames
from backbone.model.time import now_ns
from backbone.process import Policy, compile_policy
from backbone.process.logs import LOG_ROWS, unpack_logs
from backbone.process.step import NAMES, NAMES_OF_STORED, asked, govern, govern_resources, names_of
from backbone.process.traces import SPAN_ROWS, unpack_spans
from backbone.receive.form import Request
from backbone.store.engine import Statement
from backbone.store.wire import wire
from tests.stored import Stored, number, record, span, text


def policy(tagging: str) -> Policy:
    return compile_policy(
        parse_file(PolicyConfig, f"redact: {{enabled: false}}\ntagging:\n{tagging}".encode(), "p.yaml", {})
    )


def attributes(values: dict[str, str | int]) -> list[KeyValue]:
    return [text(key, value) if isinstance(value, str) else number(key, value) for key, value in values.items()]


async def judged(
    stored: Stored,
    tagging: str,
    resource: dict[str, str | int],
    item: dict[str, str | int],
    signal: Literal["traces", "logs"] = "traces",
    *,
    anew: bool = False,
) -> dict[str, Any]:
    """Return the row of one span or record, its breaches by name; *anew* as of one that was stored with old names."""
    compiled = policy(tagging)
    data: Any
    if signal == "traces":
        data = TracesData()
        data.resource_spans.add(resource=Resource(attributes=attributes(resource))).scope_spans.add(
            spans=[span("a1", "op", at_ns=now_ns(), attributes=attributes(item))]
        )
    else:
        data = LogsData()
        data.resource_logs.add(resource=Resource(attributes=attributes(resource))).scope_logs.add(
            log_records=[record("hello", attributes=attributes(item))]
        )
    columns, unpack, steps = {
        "traces": (names_of(SPAN_ROWS), unpack_spans, compiled.spans),
        "logs": (names_of(LOG_ROWS), unpack_logs, compiled.logs),
    }[signal]
    if anew:
        steps = (*compiled.renaming, *steps)
        stored_rows = f"SELECT *, {NAMES_OF_STORED} AS {NAMES} FROM ({unpack(Policy(), 'requests')})"
        sql = govern(govern_resources(stored_rows, [*columns, *asked(steps)], steps), columns, steps)
    else:
        sql = govern(unpack(compiled, "requests"), columns, steps)
    shape = wire(signal)
    form = form_of(signal, stored.engine, Renames if anew else lambda: compiled.renames)
    payload = form.payload([Request(data.SerializeToString(), "t", 1)])
    shown = "service, resource, attributes, attribute_kinds, breaches, toString(dropped) AS dropped, refused"
    [row] = await stored.engine.inspect(f"SELECT {shown} FROM ({sql})", shape.proto, shape.columns, payload)
    row["breaches"] = [name for bit, name in enumerate(compiled.breaches) if row["breaches"] >> bit & 1]
    row["kinds"] = json.loads(row["attribute_kinds"] or "{}")
    return row


SHOP: dict[str, str | int] = {"service.name": "shop"}


@pytest.mark.parametrize(
    ("rule", "resource", "item", "breaks"),
    [
        pytest.param("{attribute: region}", {}, {}, True, id="a required attribute that is not there"),
        pytest.param("{attribute: region}", {"region": ""}, {}, True, id="one that is empty"),
        pytest.param("{attribute: region}", {"region": "eu"}, {}, False, id="one that is there"),
        pytest.param("{attribute: region}", {}, {"region": "eu"}, True, id="one that only the item has"),
        pytest.param("{attribute: region, where: item}", {}, {"region": "eu"}, False, id="one of the item"),
        pytest.param(
            "{attribute: region, where: item}", {}, {"cloud.region": "eu"}, True, id="one that others are named after"
        ),
        pytest.param("{attribute: region, requirement: recommended}", {}, {}, True, id="a recommended one"),
        pytest.param(
            '{attribute: region, values: [eu, "u\'s"]}', {"region": "u's"}, {}, False, id="a value of the list"
        ),
        pytest.param("{attribute: region, values: [eu]}", {"region": "EU"}, {}, True, id="a value that is not in it"),
        pytest.param("{attribute: region, values: [eu]}", {}, {}, True, id="no value of the list"),
        pytest.param(
            "{attribute: region, values: [eu, '']}", {}, {}, True, id="a list with nothing in it asks for one"
        ),
        pytest.param(
            "{attribute: region, pattern: 'eu-[0-9]'}", {"region": "eu-1"}, {}, False, id="a value that matches"
        ),
        pytest.param("{attribute: region, pattern: 'eu'}", {"region": "eu-1"}, {}, True, id="one that matches in part"),
        pytest.param("{attribute: region, pattern: '.*'}", {}, {}, True, id="a pattern that takes nothing asks for it"),
        pytest.param(
            "{attribute: region, pattern: 'a\\|b'}", {"region": "a|b"}, {}, False, id="a pattern with a backslash"
        ),
        pytest.param("{attribute: region, requirement: optional, pattern: eu}", {}, {}, False, id="no optional one"),
        pytest.param(
            "{attribute: region, requirement: optional, pattern: eu}",
            {"region": "x"},
            {},
            True,
            id="a wrong optional one",
        ),
        pytest.param("{attribute: port, where: item, values: ['80']}", {}, {"port": 80}, False, id="a number as text"),
        pytest.param("{attribute: region, signals: [logs]}", {}, {}, False, id="a rule about another signal"),
    ],
)
async def test_attributes_are_there_and_have_their_values(
    stored: Stored, rule: str, resource: dict[str, str | int], item: dict[str, str | int], *, breaks: bool
) -> None:
    row = await judged(stored, f"  attributes: [{rule}]", SHOP | resource, item)

    assert row["breaches"] == (["region" if "region" in rule else "port"] if breaks else [])
    assert (row["dropped"], row["refused"]) == ("", "")


@pytest.mark.parametrize(
    ("rules", "resource", "item", "breaks"),
    [
        pytest.param(r"deny: [{name: n, names: ['user\..*', x]}]", {}, {"a": "", "user.id": "1"}, True, id="denied"),
        pytest.param(
            r"deny: [{name: n, names: ['user\..*', x]}]", {}, {"my.user.id": "", "xy": ""}, False, id="in part"
        ),
        pytest.param(r"deny: [{name: n, names: ['user\..*']}]", {"user.id": "1"}, {}, False, id="denied of items only"),
        pytest.param(r"deny: [{name: n, where: resource, names: [user]}]", {"user": "1"}, {}, True, id="of resources"),
        pytest.param(r"deny: [{name: n, names: ['a[^x]*b']}]", {}, {"a1": "", "2b": ""}, False, id="not across names"),
        pytest.param(r"deny: [{name: n, names: ['\Aid\z']}]", {}, {"a": "", "id": ""}, True, id="anchors of texts"),
        pytest.param(r"allow: [{name: n, names: [a, 'b.*']}]", {}, {"a": "1", "bc": "1"}, False, id="allowed"),
        pytest.param(r"allow: [{name: n, names: [a, 'b.*']}]", {}, {"a": "1", "ab": "1"}, True, id="not allowed"),
        pytest.param(r"allow: [{name: n, names: [a]}]", {}, {}, False, id="nothing"),
    ],
)
async def test_names_are_denied_and_allowed(
    stored: Stored, rules: str, resource: dict[str, str | int], item: dict[str, str | int], *, breaks: bool
) -> None:
    row = await judged(stored, f"  {rules}", SHOP | resource, item)

    assert row["breaches"] == (["n"] if breaks else [])


@pytest.mark.parametrize(
    ("resource", "breaks"),
    [
        pytest.param({"service.name": "shop-1"}, True, id="the team's service"),
        pytest.param({"service.name": "my-shop-1"}, False, id="a pattern is for the whole name"),
        pytest.param({"service.name": "pay"}, False, id="another team's, which comes first"),
        pytest.param({"service.name": "pay", "team": "shop"}, True, id="the attribute stands over patterns"),
        pytest.param({"service.name": "shop-1", "team": "pay"}, False, id="and the other way"),
    ],
)
async def test_rules_are_about_teams(stored: Stored, resource: dict[str, str | int], *, breaks: bool) -> None:
    tagging = """
  teams: {pay: {services: [pay]}, shop: {services: ['shop-.*', pay]}}
  team_attribute: team
  attributes:
    - {attribute: region, teams: [shop]}
    - {attribute: tier, where: item, teams: [shop]}
"""
    row = await judged(stored, tagging, resource, {})

    assert row["breaches"] == (["region", "tier"] if breaks else [])


@pytest.mark.parametrize(
    ("item", "expected", "kinds"),
    [
        pytest.param({"a": "1"}, {"a": "1"}, {}, id="nothing to rename"),
        pytest.param(
            {"http.method": "GET", "http.status_code": 200, "n": 5},
            {"http.request.method": "GET", "http.response.status_code": "200", "n": "5"},
            {"http.response.status_code": "int_value", "n": "int_value"},
            id="conventions, and what is no string",
        ),
        pytest.param({"dc": "a"}, {"zone": "a"}, {}, id="own names"),
        pytest.param({"zone": "new", "dc": "old"}, {"zone": "new", "dc": "old"}, {}, id="the new one is there"),
        pytest.param({"dc": "1", "datacenter": "2"}, {"zone": "1", "datacenter": "2"}, {}, id="two old ones"),
        pytest.param(
            {"net.peer.port": 80, "server.port": 81},
            {"net.peer.port": "80", "server.port": "81"},
            {"net.peer.port": "int_value", "server.port": "int_value"},
            id="kinds stay with their names",
        ),
    ],
)
@pytest.mark.parametrize("anew", [False, True], ids=["as rows are written", "in rows that are stored"])
@pytest.mark.parametrize("signal", ["traces", "logs"])
async def test_old_names_become_new_ones(
    stored: Stored,
    signal: Literal["traces", "logs"],
    item: dict[str, str | int],
    expected: dict[str, str],
    kinds: dict[str, str],
    *,
    anew: bool,
) -> None:
    tagging = "  conventions: true\n  renames: {dc: zone, datacenter: zone}"

    row = await judged(stored, tagging, SHOP, item, signal, anew=anew)

    assert row["attributes"] == expected
    assert row["kinds"] == kinds


@pytest.mark.parametrize("anew", [False, True], ids=["as rows are written", "in rows that are stored"])
async def test_a_resource_is_renamed_before_it_is_judged(stored: Stored, *, anew: bool) -> None:
    tagging = "  conventions: true\n  renames: {app: service.name}\n  teams: {shop: {services: [shop]}}\n"
    tagging += "  attributes: [{attribute: deployment.environment.name, values: [prod], teams: [shop]}]"

    row = await judged(stored, tagging, {"app": "shop", "deployment.environment": "test"}, {}, anew=anew)

    assert row["service"] == "shop"
    assert row["resource"] == {"service.name": "shop", "deployment.environment.name": "test"}
    assert row["breaches"] == ["deployment.environment.name"]


@pytest.mark.parametrize(
    ("rules", "changed"),
    [
        pytest.param(
            "attributes: [{attribute: region, on_breach: tag}, {attribute: tier, on_breach: tag}]",
            {"attributes": {"user.id": "me", "backbone.policy.breaches": "region,tier"}},
            id="rules are named in the item",
        ),
        pytest.param(
            "attributes: [{attribute: zone, values: [x], on_breach: remove}]",
            {"resource": SHOP},
            id="a wrong value is removed",
        ),
        pytest.param(
            r"deny: [{name: n, names: ['user\..*'], on_breach: remove}]", {"attributes": {}}, id="a name is removed"
        ),
        pytest.param(
            "allow: [{name: n, names: [a], on_breach: remove}]",
            {"attributes": {}},
            id="all but the allowed are removed",
        ),
        pytest.param(
            "attributes: [{attribute: a}, {attribute: region, on_breach: drop}]",
            {"dropped": "policy:region"},
            id="the item is left out",
        ),
        pytest.param(
            "attributes: [{attribute: region, on_breach: refuse}, {attribute: b, on_breach: refuse}]",
            {"refused": "policy:region"},
            id="the item is refused, by the first rule",
        ),
        pytest.param(
            "attributes: [{attribute: zone, on_breach: refuse}]", {}, id="nothing happens where no rule is broken"
        ),
    ],
)
@pytest.mark.parametrize("signal", ["traces", "logs"])
async def test_what_becomes_of_a_breach(
    stored: Stored, signal: Literal["traces", "logs"], rules: str, changed: dict[str, Any]
) -> None:
    row = await judged(stored, f"  {rules}", SHOP | {"zone": "y"}, {"user.id": "me"}, signal)

    as_sent = {"resource": SHOP | {"zone": "y"}, "attributes": {"user.id": "me"}, "dropped": "", "refused": ""}
    assert {name: row[name] for name in as_sent} == as_sent | changed


@pytest.mark.parametrize("many", [64])
async def test_every_rule_has_its_bit(stored: Stored, many: int) -> None:
    rules = "".join(f"\n    - {{attribute: a{n}, where: {'item' if n % 2 else 'resource'}}}" for n in range(many))

    row = await judged(stored, f"  attributes:{rules}", SHOP | {"a62": "x"}, {"a63": "x"})

    assert row["breaches"] == [f"a{n}" for n in range(62)]


SERIES = ("metric", "label_names", "label_values", "unit", "breaches", "dropped", "refused")


@pytest.mark.parametrize(
    ("tagging", "series", "expected"),
    [
        pytest.param(
            "conventions: true",
            ("m", {"job": "j", "http_method": "GET", "net_peer_name": "x"}, ""),
            {"labels": {"job": "j", "http_request_method": "GET", "server_address": "x"}},
            id="labels are renamed",
        ),
        pytest.param(
            "renames: {a: b}",
            ("m", {"a": "1", "b": "2"}, ""),
            {"labels": {"a": "1", "b": "2"}},
            id="a label whose new name is there stays",
        ),
        pytest.param(
            "attributes: [{attribute: deployment.environment.name, values: [prod]}, {attribute: service.instance.id}]",
            ("target_info", {"job": "n/shop", "deployment_environment_name": "x"}, ""),
            {"breaches": ["deployment.environment.name", "service.instance.id"]},
            id="what a resource says stands in target_info",
        ),
        pytest.param("attributes: [{attribute: region}]", ("m", {"job": "j"}, ""), {}, id="and nowhere else"),
        pytest.param(
            "attributes: [{attribute: rpc.service, where: item, on_breach: refuse}]",
            ("m", {"job": "j"}, ""),
            {"breaches": ["rpc.service"], "refused": "policy:rpc.service"},
            id="a label that has to be there",
        ),
        pytest.param(
            r"deny: [{name: n, names: ['user\..*', 'rpc\.request_id'], on_breach: remove}]",
            ("m", {"job": "j", "user_id": "1", "rpc_request_id": "2", "userx": "3"}, ""),
            {"labels": {"job": "j", "userx": "3"}, "breaches": ["n"]},
            id="denied labels are removed",
        ),
        pytest.param(
            "allow: [{name: n, names: [queue], on_breach: tag}]",
            ("m", {"job": "j", "le": "1", "queue": "q", "x": "1"}, ""),
            {
                "labels": {"job": "j", "le": "1", "queue": "q", "x": "1", "backbone_policy_breaches": "n"},
                "breaches": ["n"],
            },
            id="labels that are ours are allowed",
        ),
        pytest.param(
            "metrics: [{name: n, suffixes: [_seconds, _total]}]", ("a_seconds_bucket", {}, ""), {}, id="a suffix"
        ),
        pytest.param(
            "metrics: [{name: n, suffixes: [_seconds, _total], on_breach: drop}]",
            ("a_seconds_x", {}, ""),
            {"breaches": ["n"], "dropped": "policy:n"},
            id="another suffix",
        ),
        pytest.param("metrics: [{name: n, units: [ms, '1']}]", ("a", {}, "milliseconds"), {}, id="a unit in words"),
        pytest.param("metrics: [{name: n, units: [ms, '1']}]", ("a", {}, "ratio"), {}, id="a ratio"),
        pytest.param("metrics: [{name: n, units: [ms]}]", ("a", {}, "bytes"), {"breaches": ["n"]}, id="another unit"),
        pytest.param("metrics: [{name: n, units: [ms]}]", ("a", {}, ""), {}, id="a unit that was not sent"),
        pytest.param(
            "metrics: [{name: n, match: 'shop_.*', pattern: '[a-z_]+'}]",
            ("shop_A", {}, ""),
            {"breaches": ["n"]},
            id="a name",
        ),
        pytest.param("metrics: [{name: n, match: 'shop_.*', pattern: x}]", ("bank", {}, ""), {}, id="not spoken of"),
        pytest.param(
            "teams: {t: {services: [shop]}}\n  metrics: [{name: n, teams: [t], pattern: x}]",
            ("m", {"job": "ns/shop"}, ""),
            {"breaches": ["n"]},
            id="a team's, whose service stands behind its namespace",
        ),
    ],
)
async def test_series_are_judged_by_their_labels(
    stored: Stored, tagging: str, series: tuple[str, dict[str, str], str], expected: dict[str, Any]
) -> None:
    metric, labels, unit = series
    compiled = policy(f"  {tagging}")
    sent = (
        "SELECT {metric:String} AS metric, "
        "CAST({names:Array(String)}, 'Array(LowCardinality(String))') AS label_names, "
        "{texts:Array(String)} AS label_values, toLowCardinality({unit:String}) AS unit, toUInt64(0) AS breaches, "
        "toLowCardinality('') AS dropped, toLowCardinality('') AS refused"
    )
    parameters = {"metric": metric, "names": list(labels), "texts": list(labels.values()), "unit": unit}

    [row] = await stored.engine.rows(Statement(govern(sent, SERIES, compiled.series), parameters))

    assert {
        "labels": dict(zip(row["label_names"], row["label_values"], strict=True)),
        "breaches": [name for bit, name in enumerate(compiled.breaches) if row["breaches"] >> bit & 1],
        "dropped": row["dropped"],
        "refused": row["refused"],
    } == {"labels": labels, "breaches": [], "dropped": "", "refused": ""} | expected
