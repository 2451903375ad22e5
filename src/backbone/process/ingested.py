"""What a door stored, counted by request and service: for its senders' answers, our counters and `backbone top`."""

from __future__ import annotations

from backbone.process.view import View


def ingested(signal: str, rows: str, items: str = "count()", *, kept_seconds: int = 0) -> View:
    """
    Return the view that counts what came in.

    Args:
        signal: traces, logs or metrics.
        rows: the table of unpacked rows.
        items: how many items a group of rows holds.
        kept_seconds: after that age the table lets go of rows, at once if they are as old when they come; 0 is never.
    """
    expired = f"time < now() - toIntervalSecond({kept_seconds})" if kept_seconds else "false"
    select = (
        f"SELECT tenant, received, '{signal}' AS signal, service, if({expired}, 'expired', '') AS refused, "
        f"{items} AS items FROM {rows} GROUP BY tenant, received, service, refused"
    )
    return View(f"{rows.removesuffix('_in')}_ingested", "ingested", select)
