"""
Kill a server at random moments under load, and count afterwards.

Every item that was acknowledged has to be there, and none twice, though senders send again what was not answered.
Run ``python -m tests.robustness.kills --times 50``.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.robustness.counting import differences
from tests.robustness.process import running
from tests.robustness.senders import Address, Load, sending

_LONGEST_LIFE_SECONDS = 2.5
_LEAST_ITEMS = 200
"""Of each kind have to be acknowledged in the end, however slow the machine is, so that there is something to count."""
_LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    load: Load
    differences: list[str]


async def kill_under_load(data_dir: Path, times: int, seed: int, options: str = "") -> Outcome:
    """
    Run a server under load, kill and start it *times* times, and compare what it holds to what it acknowledged.

    Every other life lasts until something has been acknowledged in it, and all of them a random time.
    """
    chance = random.Random(seed)
    async with running(data_dir, options) as server:
        async with sending(Address(server.url, f"127.0.0.1:{server.grpc_port}")) as load:
            for number in range(times):
                if number % 2 == 0:
                    await _acknowledged(load, _items(load) + 1)
                await asyncio.sleep(chance.uniform(0.0, _LONGEST_LIFE_SECONDS))
                await server.kill()
                await server.start()
                print(f"kill {number + 1}: {_items(load)} items acknowledged", flush=True)
            await _acknowledged(load, 0, of_each_kind=_LEAST_ITEMS)
        assert await server.stop() == 0
    return Outcome(load, await differences(data_dir, load))


def _items(load: Load) -> int:
    return sum(map(len, load.acknowledged.values()))


async def _acknowledged(load: Load, items: int, of_each_kind: int = 0) -> None:
    """Wait until so many items have been acknowledged."""
    async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
        while True:
            if _items(load) >= items and min(map(len, load.acknowledged.values())) >= of_each_kind:
                return
            await asyncio.sleep(0.02)


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the data for a look at it")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="backbone-kills-"))
    try:
        outcome = asyncio.run(kill_under_load(directory / "data", arguments.times, arguments.seed))
    finally:
        if not arguments.keep:
            shutil.rmtree(directory)
    print({kind: len(items) for kind, items in outcome.load.acknowledged.items()}, dict(outcome.load.answers))
    print("\n".join(outcome.differences) or "every acknowledged item is there, none twice")
    return bool(outcome.differences)


if __name__ == "__main__":
    sys.exit(_main())
