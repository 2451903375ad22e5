"""What the control plane does of itself now and then, beside the calls: mostly news, sometimes a nuisance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Happening:
    """A kind of record and how often a fleet writes it; ``{n}`` in the text is a number that varies."""

    per_hour: float
    severity: str
    event: tuple[int, str]
    text: str


_CONTROL, _SECURITY = "OmniRelay.ControlPlane.Watch", "OmniRelay.Security.Transport"
HAPPENINGS = (
    Happening(60, "INFO", (6001, _CONTROL), "Control update applied: version {n}"),
    Happening(4, "WARN", (6002, _CONTROL), "Control update rejected: version {n}, signature does not verify"),
    Happening(12, "WARN", (6003, _CONTROL), "Control watch failed, backing off {n} ms"),
    Happening(2, "WARN", (6004, _CONTROL), "Last-known-good config applied: version {n}"),
    Happening(4, "WARN", (6101, "OmniRelay.Extensions"), "Extension throttle-{n} rejected: capability not granted"),
    Happening(2, "ERROR", (6102, "OmniRelay.Extensions"), "Extension watchdog tripped: rewrite-{n}"),
    Happening(6, "WARN", (6201, _SECURITY), "Transport security denied: TLS 1.{n} below policy"),
    Happening(3, "ERROR", (6202, "OmniRelay.Bootstrap"), "Bootstrap join failed: token over its use, {n} joins"),
    Happening(40, "INFO", (6301, "OmniRelay.Transport.Quic"), "QUIC migration: connection {n} on a new path"),
    Happening(8, "WARN", (6302, "OmniRelay.Transport.Quic"), "QUIC handshake_failure on connection {n}"),
    Happening(6, "WARN", (5101, "OmniRelay.Core.Leadership"), "Leadership event dropped for slow subscriber {n}"),
)
