"""The running fleet on a terminal: a table, or a line where nobody looks."""

from __future__ import annotations

from rich.table import Table

from backbone.simulate.run import Progress


def table(progress: Progress) -> Table:
    """Return what was sent and what became of it."""
    faults = ", ".join(f"{fault.kind} at {fault.target}" for fault in progress.faults) or "none"
    shown = Table(
        "signal",
        title=f"fleet after {progress.seconds} s: {progress.series:,} series, faults: {faults}",
        caption=progress.last_error or None,
        title_justify="left",
    )
    for name in ("sent", "acknowledged", "under way", "refused", "retried", "per second", "ack p99"):
        shown.add_column(name, justify="right")
    for signal, delivery in progress.deliveries.items():
        shown.add_row(
            signal,
            f"{delivery.sent:,}",
            f"[green]{delivery.acknowledged:,}[/]",
            f"{delivery.under_way:,}",
            f"[red]{delivery.refused:,}[/]" if delivery.refused else "0",
            f"{delivery.retries:,}",
            f"{delivery.sent / max(1, progress.seconds):,.0f}",
            f"{delivery.ack_p99_ms:,.0f} ms",
        )
    return shown


def line(progress: Progress) -> str:
    """Return the same in one line."""
    parts = [
        f"{signal} {delivery.acknowledged} of {delivery.sent} acknowledged, {delivery.refused} refused"
        for signal, delivery in progress.deliveries.items()
    ]
    faults = ", ".join(f"{fault.kind} at {fault.target}" for fault in progress.faults) or "none"
    return f"{progress.seconds} s: {'; '.join(parts)}; faults: {faults}"
