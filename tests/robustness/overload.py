"""
Send more than the server takes, for a while, and see that it says so and keeps its memory and its word.

Run ``python -m tests.robustness.overload --seconds 60``.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.robustness.counting import differences
from tests.robustness.process import running
from tests.robustness.senders import Address, Load, sending

RESIDENT_BOUND_BYTES = 3 << 29


@dataclass(frozen=True, slots=True)
class Outcome:
    load: Load
    most_resident_bytes: int
    differences: list[str]


async def overload(data_dir: Path, seconds: float, *, per_kind: int, padding_bytes: int, options: str) -> Outcome:
    """Load every door with *per_kind* senders that never wait, for *seconds*, then count what was acknowledged."""
    most = 0
    async with running(data_dir, options) as server:
        address = Address(server.url, f"127.0.0.1:{server.grpc_port}")
        async with sending(address, per_kind=per_kind, size=10, padding_bytes=padding_bytes) as load:
            for _ in range(int(seconds / 0.1)):
                await asyncio.sleep(0.1)
                most = max(most, server.resident_bytes())
        assert await server.stop() == 0
    return Outcome(load, most, await differences(data_dir, load))


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--senders", type=int, default=24, help="per kind of item")
    parser.add_argument("--padding", type=int, default=2 << 20, help="bytes per request besides its items")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="backbone-overload-"))
    try:
        outcome = asyncio.run(
            overload(
                directory / "data",
                arguments.seconds,
                per_kind=arguments.senders,
                padding_bytes=arguments.padding,
                options="",
            )
        )
    finally:
        shutil.rmtree(directory)
    print({kind: len(items) for kind, items in outcome.load.acknowledged.items()}, dict(outcome.load.answers))
    print(f"at most {outcome.most_resident_bytes >> 20} MiB resident")
    print("\n".join(outcome.differences) or "every acknowledged item is there, none twice")
    return bool(outcome.differences) or outcome.most_resident_bytes > RESIDENT_BOUND_BYTES


if __name__ == "__main__":
    sys.exit(_main())
