"""Words and phrases of lines: what finds them, and what the index of words spares."""

from __future__ import annotations

import random
import re

import pytest

from backbone.model.errors import LimitExceeded
from backbone.query.logql.ast import LogQuery, Phrase, Span, Words
from backbone.query.logs import LogSearch, parse_text, search_logs
from backbone.store.engine import DEFAULT_LIMITS, QueryLimits, Statement
from tests.stored import Stored, ago_ns

_MARK = 8_192
_WORDS = ["peer", "Peer", "PEER", "peers", "p", "pe", "eer", "pepeer", "1", "12", "größe", "GRÖSSE", "ö", "ß", "日本"]
_BORDERS = ["_", ".", "-", " ", " ", "  ", "\t", "\n", "'", "\\", "%", "["]
_PIECES = [*_WORDS, *_BORDERS, "😀", "\u00a0", "\u2028", "İ", "x" * 300]


def _text(chance: random.Random, most: int) -> str:
    return "".join(chance.choices(_PIECES, k=chance.randrange(1, most)))


def _words(text: bytes) -> set[bytes]:
    return set(re.split(rb"[^a-z0-9\x80-\xff]+", text)) - {b""}


def _passes(line: str, stage: Words) -> bool:
    lower = line.encode().lower()
    texts = [(phrase.text.encode().lower(), phrase.whole) for phrase in stage.phrases]
    found = any(text in lower and (not whole or _words(text) <= _words(lower)) for text, whole in texts)
    return found != stage.negated


async def test_words_are_found_as_a_plain_reading_finds_them(stored: Stored) -> None:
    chance, tenant = random.Random(5), stored.tenant()
    lines = [_text(chance, 12) for _ in range(160)]
    # Many parts, so that the index has something to leave out.
    await stored.engine.command(Statement("SYSTEM STOP MERGES logs"))
    for first in range(0, len(lines), 8):
        await stored.engine.command(
            Statement(
                "INSERT INTO logs (tenant, service, time, body, body_kind) "
                "SELECT {tenant:String}, 's', now64(9), arrayJoin({lines:Array(String)}), 'string'",
                {"tenant": tenant, "lines": lines[first : first + 8]},
            )
        )
    for _ in range(150):
        phrases = tuple(Phrase(_text(chance, 5), chance.random() < 0.6) for _ in range(chance.choice([1, 1, 2])))
        stage = Words(Span(0, 0), phrases, chance.random() < 0.3)
        search = LogSearch(ago_ns(3600), ago_ns(0), LogQuery(Span(0, 0), (), (stage,)), limit=1_000)

        found = await search_logs(stored.engine, tenant, search, DEFAULT_LIMITS)

        expected = [line for line in lines if _passes(line, stage)]
        assert sorted(record.body for record in found) == sorted(expected), stage
    await stored.engine.command(Statement("SYSTEM START MERGES logs"))


@pytest.fixture(scope="module")
def tenant_of_many(stored: Stored) -> str:
    return stored.tenant()


async def _store_many(stored: Stored, tenant: str) -> None:
    """Store five marks of records, among them one that has words of its own."""
    [row] = await stored.engine.rows(
        Statement("SELECT count() AS there FROM logs WHERE tenant = {t:String}", {"t": tenant})
    )
    if row["there"]:
        return
    await stored.engine.command(
        Statement(
            "INSERT INTO logs (tenant, service, time, body, body_kind) SELECT {tenant:String}, 's', "
            "now64(9) - toIntervalMillisecond(number), "
            "if(number = {one:UInt64}, 'peer Größe-7: lost at edge', concat('{\"peer\": ', toString(number), '}')), "
            "'string' FROM numbers({rows:UInt64})",
            {"tenant": tenant, "rows": 5 * _MARK, "one": 20_000},
        )
    )


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param("LOST", id="a word in any case"),
        pytest.param("größe-7", id="a word with a border in it"),
        pytest.param("peer lost edge", id="words, of which one is frequent"),
        pytest.param('"r größe-7: l"', id="words within a phrase"),
        pytest.param("lost OR edge", id="either of two words"),
        pytest.param('{service_name="s"} |= "7: lost at e"', id="words within a text of LogQL"),
        pytest.param('{service_name="s"} |= "7: lost at e" or "a banana b"', id="either of two texts of LogQL"),
        pytest.param('{service_name="s"} | json | drop peer |= "7: lost at e"', id="after other stages"),
        pytest.param("lost -banana", id="with and without"),
    ],
)
async def test_the_index_of_words_spares_reading(stored: Stored, tenant_of_many: str, wanted: str) -> None:
    await _store_many(stored, tenant_of_many)
    search = LogSearch(ago_ns(3600), ago_ns(-60), parse_text(wanted))

    found = await search_logs(stored.engine, tenant_of_many, search, QueryLimits(max_rows_read=_MARK))

    assert [record.body for record in found] == ["peer Größe-7: lost at edge"]


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param('"banana"', id="a part of a word"),
        pytest.param('banana OR "banana"', id="either a word or a part of one"),
        pytest.param("-lost -peer", id="without words"),
    ],
)
async def test_what_the_index_of_words_cannot_tell_is_read(stored: Stored, tenant_of_many: str, wanted: str) -> None:
    await _store_many(stored, tenant_of_many)
    search = LogSearch(ago_ns(3600), ago_ns(-60), parse_text(wanted))

    with pytest.raises(LimitExceeded):
        await search_logs(stored.engine, tenant_of_many, search, QueryLimits(max_rows_read=_MARK))
    assert await search_logs(stored.engine, tenant_of_many, search, DEFAULT_LIMITS) == []


@pytest.mark.parametrize(
    ("wanted", "many"),
    [
        pytest.param("| line_format `a banana b` |= `a banana b`", 100, id="a line that was changed"),
        pytest.param("| distinct service_name |= `7: lost at e`", 0, id="the newest line only"),
    ],
)
async def test_the_index_of_words_is_not_asked_for_other_lines(
    stored: Stored, tenant_of_many: str, wanted: str, many: int
) -> None:
    await _store_many(stored, tenant_of_many)
    search = LogSearch(ago_ns(3600), ago_ns(-60), parse_text(f'{{service_name="s"}} {wanted}'))

    assert len(await search_logs(stored.engine, tenant_of_many, search, DEFAULT_LIMITS)) == many


async def test_what_an_index_says_is_read_from_files_once(stored: Stored) -> None:
    tenant = stored.tenant()
    await stored.engine.command(
        Statement(
            "INSERT INTO logs (tenant, service, time, body, body_kind) SELECT {tenant:String}, 's', now64(9), "
            "concat('line ', hex(sipHash64(number))), 'string' FROM numbers(100000)",
            {"tenant": tenant},
        )
    )
    await stored.engine.command(Statement("OPTIMIZE TABLE logs FINAL"))
    kept = Statement("SELECT value FROM system.metrics WHERE metric = 'IndexUncompressedCacheBytes'")
    [before] = await stored.engine.rows(kept)

    await search_logs(stored.engine, tenant, LogSearch(ago_ns(3600), ago_ns(0), parse_text("absent")), DEFAULT_LIMITS)

    [after] = await stored.engine.rows(kept)
    # A byte and more for each of 100,000 words, none of which is another's.
    assert after["value"] - before["value"] > 100_000
