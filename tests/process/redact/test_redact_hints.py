"""Texts are first held against hints, which must not miss what the rules would find."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backbone.process.redact.catalogue import NUMBERS, WORDS
from backbone.process.redact.plan import plan_of
from backbone.process.redact.rule import Group
from backbone.process.redact.scrub import Scrubber
from backbone.store.embedded import EmbeddedEngine, EmbeddedOptions
from backbone.store.engine import Statement
from tests.process.redact.scrubbing import NEARLY, config, scrub_now

SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    opened = EmbeddedEngine.open(tmp_path_factory.mktemp("hints"), EmbeddedOptions(connections=2))
    yield opened
    asyncio.run(opened.close())


def missed(engine: EmbeddedEngine, texts: list[str]) -> str:
    """Return the texts in which rules find something that their hints do not."""
    scrubber = Scrubber(plan_of(config()))
    rows = "SELECT text, toUInt8(0) AS kind FROM (SELECT arrayJoin({texts:Array(String)}) AS text)"
    worded = f"SELECT *, {scrubber.words('text', 'kind')} AS worded FROM ({rows})"
    by_words = f"worded != text AND NOT {scrubber.may_hold_more('text')}"
    by_numbers = (
        f"worded = text AND {scrubber.numbers('text', 'kind')} != text AND NOT {scrubber.may_hold_only_numbers('text')}"
    )
    statement = Statement(f"SELECT text FROM ({worded}) WHERE ({by_words}) OR ({by_numbers})", {"texts": texts})
    return asyncio.run(engine.query(statement, output="TSV")).decode()


@SETTINGS
@given(st.lists(NEARLY, min_size=1, max_size=200))
@example(
    [
        "sk---abcdefghijkl",
        "user_123-45-6789",
        "_8.8.8.8",
        "--contraseña x",
        "%40é.io",
        "008.8.8.86789",
        "+49\uff1310123456",
    ]
)
def test_hints_find_all_that_rules_find(engine: EmbeddedEngine, texts: list[str]) -> None:
    assert missed(engine, texts) == ""


@pytest.mark.parametrize("group", [WORDS, NUMBERS], ids=["words", "numbers"])
def test_forms_of_one_slot_all_have_something_before_or_none_has(group: Group) -> None:
    """Else one that may begin anywhere would let all others do so."""
    for slot in group.slots:
        befores = [form.before for rule in group.rules for form in rule.forms if form.slot == slot]
        assert all(befores) or not any(befores), slot


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user_123-45-6789", "user_<national_id>"),
        ("peer_8.8.8.8", "peer_<ipv4>"),
        ("--pwd hunter2", "--pwd <credential>"),
        ("--my-passphrase let.me.in", "--my-passphrase <credential>"),
        ("identified by 'hunter2'", "identified by '<credential>'"),
        ("a row is identified by its key", "a row is identified by its key"),
        ("the password manager at 8.8.8.8", "the password manager at <ipv4>"),
        ("AKIAAB 12 34 56 C", "AKIAAB 12 34 56 C"),
        ("idDE89370400440532013000", "idDE89370400440532013000"),
        ("call +49 151 2345678", "call <phone>"),
        ("tel 10.1.2.32 85 07", "tel 10.1.2.32 85 07"),
        ("110105194912310021", "<national_id>"),
        ("order 1764396543000 of 20764396543001234567", "order 1764396543000 of 20764396543001234567"),
        ("telephone number: 5551234567", "telephone number: <phone>"),
        ("/pay/4111111111111111/x", "/pay/<card>/x"),
    ],
)
def test_where_a_find_may_begin(engine: EmbeddedEngine, text: str, expected: str) -> None:
    assert scrub_now(engine, [text]) == [expected]
    # What other texts are asked about does not count.
    assert scrub_now(engine, ["password=hunter2", text, "4111 1111 1111 1111"])[1] == expected
