"""Payloads as files in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbone.store.memory import MemoryFiles


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param([], id="nothing"),
        pytest.param([b"one", b"", b"two"], id="a few pieces"),
        pytest.param([b"%d," % number for number in range(2500)], id="more pieces than the system takes at once"),
        pytest.param([b"x" * (40 << 20)], id="more than is kept"),
    ],
)
def test_a_file_holds_the_payload_and_nothing_of_the_one_before(files: MemoryFiles, payload: list[bytes]) -> None:
    for former in ([b"former" * 100_000], payload):
        with files.holding(former) as path:
            read = Path(path).read_bytes()

    assert read == b"".join(payload)
    files.close()


def test_payloads_held_at_a_time_do_not_share_a_file(files: MemoryFiles) -> None:
    with files.holding([b"first"]) as first, files.holding([b"second"]) as second:
        read = Path(first).read_bytes(), Path(second).read_bytes()

    assert read == (b"first", b"second")
    files.close()
