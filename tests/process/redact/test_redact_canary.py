"""The self-test finds nothing under the default policy, and finds something where nothing is scrubbed."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbone.cli.canary import try_out
from backbone.config.policy import PolicyConfig
from backbone.config.policy.redact import RedactConfig, RulesConfig
from backbone.simulate.secrets import canaries


def tell(what: str, done: int, of: int) -> None:
    assert done <= of, what


def policy(action: str) -> PolicyConfig:
    rules = RulesConfig.model_validate(dict.fromkeys(RulesConfig.model_fields, action))
    return PolicyConfig(redact=RedactConfig(rules=rules))


@pytest.mark.parametrize("action", ["mask", "hash", "drop"])
@pytest.mark.parametrize("signal", ["traces", "logs"])
async def test_no_secret_is_in_any_byte(tmp_path: Path, action: str, signal: str) -> None:
    outcome = await try_out(policy(action), 3_000, 7, [signal], tmp_path, tell)
    assert len(outcome.sent) >= 3_000
    assert outcome.found == {}


async def test_without_redaction_every_secret_is_found(tmp_path: Path) -> None:
    off = PolicyConfig(redact=RedactConfig(enabled=False))
    outcome = await try_out(off, 1_000, 7, ["traces", "logs"], tmp_path, tell)
    found = {id(one) for some in outcome.found.values() for one in some}
    missed = [one.place for one in outcome.sent if id(one) not in found]
    # What lies deeper than the wire's shape is base64 of bytes, where a short needle may have no window of its own.
    assert {place.split()[-1] for place in missed} <= {"depth", "bytes"}
    assert len(missed) < len(outcome.sent) // 50


def test_canaries_of_a_seed_are_always_the_same() -> None:
    first, second = canaries(3), canaries(3)
    some = [next(first) for _ in range(100)]
    assert [next(second) for _ in range(100)] == some
    assert all(one.needle in one.text and len(one.needle) >= 8 for one in some)
    assert len({one.kind for one in some}) == len(RulesConfig.model_fields) - 1
