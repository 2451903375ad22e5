"""The self-test finds nothing under the default policy, and finds something where nothing is scrubbed."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbone.cli.canary import try_out
from backbone.config.policy.redact import RulesConfig
from backbone.simulate.secrets import canaries


def tell(what: str, done: int, of: int) -> None:
    assert done <= of, what


SIGNALS = ("traces", "logs", "metrics", "remote_write")


@pytest.mark.parametrize("action", ["mask", "hash", "drop"])
async def test_no_secret_is_in_any_byte_whatever_door_it_came_through(tmp_path: Path, action: str) -> None:
    rules = "".join(f"    {name}: {action}\n" for name in RulesConfig.model_fields)
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"redact:\n  rules:\n{rules}")
    outcome = await try_out(policy, 3_000, 7, SIGNALS, tmp_path / "server", tell)
    assert len(outcome.sent) >= 3_000
    assert outcome.found == {}


async def test_without_redaction_every_secret_is_found(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("redact: {enabled: false}\n")
    outcome = await try_out(policy, 2_000, 7, SIGNALS, tmp_path / "server", tell)
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
