"""What rules find in texts, and what becomes of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from bench.policy.corpus import read, score
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backbone.config.policy.redact import RedactConfig, RulesConfig
from backbone.simulate.secrets import canaries
from backbone.store.embedded import EmbeddedEngine, EmbeddedOptions
from tests.process.redact.scrubbing import config, scrub_now

MAIL = "write to jane@example.com now"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    opened = EmbeddedEngine.open(tmp_path_factory.mktemp("texts"), EmbeddedOptions(connections=2))
    yield opened
    asyncio.run(opened.close())


def test_the_corpus_is_found_and_little_else(engine: EmbeddedEngine) -> None:
    scores = score(read("first"), lambda texts: scrub_now(engine, texts))
    assert scores["all"].recall == 1.0, scores["all"].problems
    assert scores["all"].precision >= 0.97, scores["all"].problems
    assert set(RulesConfig.model_fields) - {"attribute"} <= set(scores)


def test_what_else_is_in_a_group_changes_nothing(engine: EmbeddedEngine) -> None:
    texts = [one.text for one in read("first")][::3]
    together = scrub_now(engine, [*texts, "password=hunter2"])
    alone = [scrub_now(engine, [text])[0] for text in texts]
    assert alone == together[:-1]


def test_the_corpus_written_after_the_rules_is_found_as_the_page_says(engine: EmbeddedEngine) -> None:
    total = score(read("second"), lambda texts: scrub_now(engine, texts))["all"]
    assert total.recall >= 0.95, total.problems
    assert total.precision >= 0.98, total.problems


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, r"write to <email> now", id="mask is the default"),
        pytest.param({"rules": {"email": "keep"}}, MAIL, id="keep does nothing"),
        pytest.param({"rules": {"email": "hash"}}, r"write to <email:[b-t]{16}> now", id="hash is sixteen letters"),
        pytest.param(
            {"rules": {"email": "truncate"}}, r"write to <email:jane…> now", id="truncate keeps the beginning"
        ),
        pytest.param({"rules": {"email": "drop"}}, "", id="drop leaves the text out"),
        pytest.param({"enabled": False}, MAIL, id="switched off"),
        pytest.param(
            {"patterns": [{"name": "verb", "pattern": "wr(i)te"}]},
            "<verb> to <email> now",
            id="a pattern of the team's",
        ),
        pytest.param(
            {"patterns": [{"name": "verb", "pattern": "^wr(i)te", "action": "hash"}]},
            r"<verb:[b-t]{16}> to <email> now",
            id="a pattern that is hashed",
        ),
        pytest.param(
            {"patterns": [{"name": "verb", "pattern": "now$", "action": "drop"}]}, "", id="a pattern that drops"
        ),
        pytest.param({"keep_first": 2, "rules": {"email": "truncate"}}, "write to <email:ja…> now", id="keep_first"),
    ],
)
def test_what_becomes_of_a_find(engine: EmbeddedEngine, options: dict[str, object], expected: str) -> None:
    given_options = options if "patterns" not in options else options | {"patterns": tuple(options["patterns"])}  # type: ignore[arg-type]
    [found] = scrub_now(engine, [MAIL], redact=config(**given_options))
    assert re.fullmatch(re.escape(expected) if expected == MAIL else expected, found)


def all_with(action: str) -> RedactConfig:
    return config(rules=dict.fromkeys(RulesConfig.model_fields, action))


@pytest.mark.parametrize("action", ["mask", "hash", "truncate"])
def test_scrubbing_what_is_scrubbed_changes_nothing(engine: EmbeddedEngine, action: str) -> None:
    redact = all_with(action)
    source = canaries(5)
    texts = [next(source).text for _ in range(600)] + [one.text for one in read("first") + read("second")]
    once = scrub_now(engine, texts, redact=redact)
    assert scrub_now(engine, once, redact=redact) == once


@pytest.mark.parametrize("action", ["mask", "hash", "truncate"])
def test_what_stands_for_a_find_is_no_place_to_begin(engine: EmbeddedEngine, action: str) -> None:
    texts = [
        "authorization: requireduser abc123 logged in",
        "tel:+49 151 2345678RSSMRA85T10A562S codice",
        "--pwd : '%40aB1",
        "4111 1111 1111 1111_X1234567L",
        "+49 151 2345678passport no. C01X00T4700",
        "sk_live_4eC39HqLyjWDarjtT1_token=abc1",
    ]
    once = scrub_now(engine, texts, redact=all_with(action))
    assert all("<" in text for text in (once[0], once[2], once[3]))
    assert scrub_now(engine, once, redact=all_with(action)) == once


def test_a_secret_right_behind_another_is_found_too(engine: EmbeddedEngine) -> None:
    [found] = scrub_now(engine, ["redis://:pw@cachedb_password = 'let me in'"])
    assert found == "redis://:<url_password>@cachedb_password = '<credential>'"


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts=st.lists(
        st.lists(
            st.one_of(
                st.sampled_from([one.text for one in read("first")]),
                st.text(alphabet="aB1.:@-_= /\\\"'<>\n＠４é", max_size=12),  # noqa: RUF001 - what people mistake
                st.text(max_size=8).filter(lambda text: "\0" not in text),
            ),
            max_size=4,
        ).map("".join),
        min_size=20,
        max_size=60,
    ),
    action=st.sampled_from(["mask", "hash", "truncate"]),
)
def test_any_text_is_scrubbed_once_and_stays_within_its_bound(
    engine: EmbeddedEngine, texts: list[str], action: str
) -> None:
    texts = [text.encode(errors="replace").decode() for text in texts]
    redact = all_with(action)
    once = scrub_now(engine, texts, redact=redact)
    assert scrub_now(engine, once, redact=redact) == once
    for text, scrubbed in zip(texts, once, strict=True):
        # The shortest find is a value of one letter after a name of three and a sign: 'pwd=x'.
        assert len(scrubbed) <= len(text) * 8 + 40


def test_hashes_join_within_a_tenant_and_over_restarts_and_not_between_tenants(engine: EmbeddedEngine) -> None:
    redact = config(rules={"email": "hash"})
    first, second = scrub_now(engine, [MAIL, "jane@example.com"], redact=redact)
    assert second in first
    assert scrub_now(engine, [MAIL], redact=redact) == [first]
    assert scrub_now(engine, [MAIL], redact=redact, tenant="other") != [first]
    assert scrub_now(engine, [MAIL], redact=redact, key=bytes(16)) != [first]
    assert scrub_now(engine, ["jane2@example.com"], redact=redact) != [second]
