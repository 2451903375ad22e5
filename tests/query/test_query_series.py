"""Series and samples by selector, with Prometheus' meaning."""

from __future__ import annotations

import math

import pytest

from backbone.model.errors import LimitExceeded, UserInputError
from backbone.query.promql.parser import parse_selector
from backbone.query.samples import SeriesSamples, select_samples
from backbone.query.selectors import Matcher
from backbone.query.series import SeriesFilter, find_metadata, find_series, label_names, label_values
from backbone.query.times import LATEST_NS
from backbone.store.engine import DEFAULT_LIMITS, Statement
from tests.stored import STALE, Stored

_T = 1_750_000_000_000
_ALWAYS = (0, LATEST_NS)


async def _seeded(stored: Stored) -> str:
    tenant = stored.tenant()
    for labels in (
        {"job": "api", "code": "200"},
        {"job": "api", "code": "500", "zone": "eu"},
        {"job": "db", "path": "it's\n\\"},
    ):
        await stored.samples(tenant, {"__name__": "up", **labels}, [(_T, 1.0), (_T + 1_000, 2.5)])
    await stored.samples(tenant, {"__name__": "down", "job": "api"}, [(_T, 0.0)])
    return tenant


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param("up", {"200", "500", ""}, id="by name"),
        pytest.param('up{code="200"}', {"200"}, id="equal"),
        pytest.param('up{code!="200"}', {"500", ""}, id="not equal, a label that is not there included"),
        pytest.param('up{code=""}', {""}, id="empty is not there"),
        pytest.param('up{zone!=""}', {"500"}, id="not empty is there"),
        pytest.param('up{code=~"2.."}', {"200"}, id="a regular expression"),
        pytest.param('up{code=~"0"}', set(), id="which is anchored"),
        pytest.param('up{code=~"200|500"}', {"200", "500"}, id="with its alternatives"),
        pytest.param('up{code=~"5.*|"}', {"500", ""}, id="that takes the empty"),
        pytest.param('up{code!~"5.."}', {"200", ""}, id="no match"),
        pytest.param('{__name__=~"u.", job="db"}', {""}, id="the name by expression"),
        pytest.param('up{path="it\'s\\n\\\\"}', {""}, id="a value that needs quoting"),
        pytest.param('{"up", "code"="500"}', {"500"}, id="quoted names"),
        pytest.param('up{path=~"it\'s.."}', {""}, id="a dot is a line's end, too"),
    ],
)
async def test_a_selector_names_series(stored: Stored, selector: str, expected: set[str]) -> None:
    tenant = await _seeded(stored)
    wanted = SeriesFilter(*_ALWAYS, selectors=[parse_selector(selector)])

    found = await find_series(stored.engine, tenant, wanted, 100, DEFAULT_LIMITS)

    assert {series.labels.get("code", "") for series in found} == expected
    assert all(series.labels["__name__"] == "up" for series in found)


async def test_samples_come_once_in_order_and_end_at_the_marker(stored: Stored) -> None:
    tenant, labels = stored.tenant(), {"__name__": "m", "a": "b"}
    await stored.samples(tenant, labels, [(_T + 2_000, STALE), (_T, 1.0), (_T + 1_000, math.nan)])
    await stored.samples(tenant, labels, [(_T, 1.0), (_T + 3_000, math.inf), (_T + 60_000, 9.0)])

    window = (_T * 1_000_000, (_T + 3_000) * 1_000_000)
    [found] = await select_samples(stored.engine, tenant, parse_selector("m"), window, 10, DEFAULT_LIMITS)

    assert found.labels == labels
    assert [time - _T for time, _ in found.samples] == [0, 1_000, 3_000]
    assert [str(value) for _, value in found.samples] == ["1.0", "nan", "inf"]


async def test_series_without_samples_in_the_window_are_left_out(stored: Stored) -> None:
    tenant = await _seeded(stored)

    later = ((_T + 5_000) * 1_000_000, (_T + 9_000) * 1_000_000)

    assert await select_samples(stored.engine, tenant, parse_selector("up"), later, 10, DEFAULT_LIMITS) == []


async def test_a_selector_of_too_many_series_is_refused(stored: Stored) -> None:
    tenant = await _seeded(stored)

    with pytest.raises(LimitExceeded, match="more than 2 series"):
        await select_samples(stored.engine, tenant, parse_selector("up"), _ALWAYS, 2, DEFAULT_LIMITS)


async def test_another_tenants_series_are_not_there(stored: Stored) -> None:
    await _seeded(stored)
    other = stored.tenant()
    everything = SeriesFilter(*_ALWAYS)

    assert await find_series(stored.engine, other, everything, 10, DEFAULT_LIMITS) == []
    assert await label_names(stored.engine, other, everything, 10, DEFAULT_LIMITS) == []
    assert await label_values(stored.engine, other, "job", everything, 10, DEFAULT_LIMITS) == []
    found: list[SeriesSamples] = await select_samples(
        stored.engine, other, parse_selector("up"), _ALWAYS, 10, DEFAULT_LIMITS
    )
    assert found == []


async def test_labels_and_their_values_are_listed(stored: Stored) -> None:
    tenant = await _seeded(stored)
    everything = SeriesFilter(*_ALWAYS)
    some = SeriesFilter(*_ALWAYS, selectors=[parse_selector("down"), parse_selector('up{code="500"}')])

    names = await label_names(stored.engine, tenant, everything, 100, DEFAULT_LIMITS)

    assert names == ["__name__", "code", "job", "path", "zone"]
    assert await label_names(stored.engine, tenant, some, 100, DEFAULT_LIMITS) == ["__name__", "code", "job", "zone"]
    assert await label_values(stored.engine, tenant, "code", everything, 100, DEFAULT_LIMITS) == ["200", "500"]
    assert await label_values(stored.engine, tenant, "__name__", some, 100, DEFAULT_LIMITS) == ["down", "up"]
    assert await label_values(stored.engine, tenant, "job", everything, 1, DEFAULT_LIMITS) == ["api"]


async def test_of_a_metrics_metadata_the_last_stands(stored: Stored) -> None:
    tenant = stored.tenant()
    for second, said in enumerate(("old", "new")):
        await stored.engine.command(
            Statement(
                "INSERT INTO metadata SELECT {t:String}, 'up', 'gauge', 's', {h:String}, "
                "fromUnixTimestamp64Milli({s:Int64})",
                {"t": tenant, "h": said, "s": second},
            )
        )

    [found] = await find_metadata(stored.engine, tenant, "", 10, DEFAULT_LIMITS)

    assert (found.metric, found.type, found.unit, found.help) == ("up", "gauge", "s", "new")
    assert await find_metadata(stored.engine, tenant, "other", 10, DEFAULT_LIMITS) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("up", [Matcher("__name__", "=", "up")], id="a name"),
        pytest.param("a:b:c{}", [Matcher("__name__", "=", "a:b:c")], id="a recorded name, empty braces"),
        pytest.param(" { a = 'x' , } # why", [Matcher("a", "=", "x")], id="space, a last comma, a comment"),
        pytest.param("{a=~`\\d+`}", [Matcher("a", "=~", "\\d+")], id="raw text"),
        pytest.param('{a="\\x41\\u00e9\\101\\n"}', [Matcher("a", "=", "AéA\n")], id="escapes"),
        pytest.param('{"http.route"="/"}', [Matcher("http.route", "=", "/")], id="a quoted label"),
        pytest.param(
            '{"größe", a!~"b"}', [Matcher("__name__", "=", "größe"), Matcher("a", "!~", "b")], id="a quoted name"
        ),
    ],
)
def test_a_selector_is_read(text: str, expected: list[Matcher]) -> None:
    assert list(parse_selector(text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "1:1: parse error: unexpected end of input", id="nothing"),
        pytest.param("up[5m]", '1:3: parse error: unexpected "\\["', id="a range"),
        pytest.param("up{\na}", "2:2: .* in label matching, expected label matching operator", id="no operator"),
        pytest.param('up{a="x}', "1:6: parse error: unterminated quoted string", id="an open quote"),
        pytest.param('up{a=x"}', "1:6: .* in label matching, expected string", id="no quotes"),
        pytest.param('up{a="x" b="y"}', '1:10: .* in label matching, expected "," or "}"', id="no comma"),
        pytest.param('up{"down"}', '1:1: .*name must not be set twice: "up" or "down"', id="two names"),
        pytest.param('up{a="\\q"}', "1:6: parse error: unknown escape sequence", id="an escape nobody knows"),
        pytest.param('up{a=~"("}', "1:4: parse error: error parsing regexp: missing \\): \\(", id="no expression"),
        pytest.param("{}", "must contain at least one non-empty matcher", id="everything"),
        pytest.param('{a=~".*"}', "must contain at least one non-empty matcher", id="everything by expression"),
    ],
)
def test_a_bad_selector_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        parse_selector(text)
