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
LANES = 100
WAIT_SECONDS: Mapping[PartName, float] = {"spans": 16.0, "logs": 36.0}
"""After so long all is decided on that the example lets wait: spans ten seconds, records twice that, and some sweeps."""


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
    seconds = QUICK_SECONDS if quick else SECONDS
    found: list[Rate] = []
    folder.mkdir(parents=True)
    for signal in SIGNALS:
        without = 0.0
        for number, (name, text) in enumerate(POLICIES.items()):
            place = folder / f"{signal}-{number}"
            config = place.with_suffix(".yaml")
            place.with_suffix(".policy.yaml").write_text(text)
            config.write_text(f"policy: {{file: {place.with_suffix('.policy.yaml')}}}\n")
            settings = Settings(seconds, 0.0, LANES, WAIT_SECONDS[signal] if name == ALL else 0.0)
            figures = measure(Backbone(otlp, config), PARTS[signal], settings, place, progress)
            rate = figures.per_cpu_settled or 0.0
            without = without or rate
            found.append(Rate(signal, name, rate, rate / without if without else 0.0))
    return found
