"""What policy costs: the same items through the receivers of servers that differ in their policy only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from bench.measure import ProgressSink, Settings, measure
from bench.parts import PARTS, PartName
from bench.peers import Backbone, Otlp

EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "examples" / "policy.yaml"
ALL = "all sections"
POLICIES = {"none": "redact: {enabled: false}\n", "default": "{}\n", ALL: EXAMPLE.read_text()}
SIGNALS: tuple[PartName, ...] = ("spans", "logs")
SECONDS, QUICK_SECONDS = 9.0, 1.0
"""Work at full speed: a million items and more, since in shorter runs it is chance how many merges fall into them."""
ROUNDS = 2
"""All policies are measured one after the other so often; of each the best counts, since the machine has other work."""
LANES = 100
WAIT_SECONDS: Mapping[PartName, float] = {"spans": 16.0, "logs": 36.0}
"""By then all is decided on that the example lets wait: spans ten seconds, records twice that, and a few sweeps."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rate:
    """Items per CPU-second of the server, merges counted, under a policy."""

    signal: str
    policy: str
    items_per_cpu: float
    share: float
    """Of the rate under none."""


def rates(otlp: Otlp, folder: Path, quick: bool, progress: ProgressSink) -> list[Rate]:
    """Measure each signal under each policy."""
    folder.mkdir(parents=True)
    seconds, rounds = (QUICK_SECONDS, 1) if quick else (SECONDS, ROUNDS)
    best: dict[tuple[PartName, str], float] = {}
    for number in range(rounds):
        for signal in SIGNALS:
            for policy, name in enumerate(POLICIES):
                settings = Settings(seconds, 0.0, LANES, WAIT_SECONDS[signal] if name == ALL else 0.0)
                place = folder / f"{signal}-{policy}-{number}"
                figures = measure(Backbone(otlp, _config(place, name)), PARTS[signal], settings, place, progress)
                best[signal, name] = max(figures.per_cpu_settled or 0.0, best.get((signal, name), 0.0))
    return [
        Rate(signal, name, rate, rate / best[signal, "none"] if best[signal, "none"] else 0.0)
        for (signal, name), rate in best.items()
    ]


def _config(place: Path, policy: str) -> Path:
    """Write what a server under a policy is started with, beside where it keeps its data."""
    file, config = place.with_suffix(".policy.yaml"), place.with_suffix(".yaml")
    file.write_text(POLICIES[policy])
    config.write_text(f"policy: {{file: {file}}}\n")
    return config
