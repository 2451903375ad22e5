from __future__ import annotations

from pathlib import Path

from tests.robustness.overload import RESIDENT_BOUND_BYTES, overload

SMALL = """
http: {max_body: 1MiB, max_decompressed: 1MiB}
receivers: {otlp_grpc: {max_message: 1MiB}}
commit: {max_waiting: 1MiB, max_group: 1MiB}
"""


async def test_overload_is_answered_with_come_back_later_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    outcome = await overload(tmp_path / "data", seconds=5, per_kind=8, padding_bytes=200_000, options=SMALL)

    assert outcome.load.answers["429"] + outcome.load.answers["503"] > 0
    assert outcome.load.answers["RESOURCE_EXHAUSTED"] > 0
    assert outcome.load.without_retry_after == 0
    assert set(outcome.load.answers) <= {"200", "204", "OK", "429", "503", "RESOURCE_EXHAUSTED"}
    assert outcome.most_resident_bytes < RESIDENT_BOUND_BYTES
    assert outcome.differences == []
