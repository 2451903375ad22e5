"""What a door stored, counted by request and service: for its senders' answers, our counters and `backbone top`."""

from __future__ import annotations

from backbone.process.view import View


def ingested(signal: str, rows: str, items: str = "count()") -> View:
    """
    Return the view that counts what came in.

    Args:
        signal: traces, logs or metrics.
        rows: the table of unpacked rows.
        items: how many items a group of rows holds.
    """
    select = (
        f"SELECT tenant, received, '{signal}' AS signal, service, '' AS refused, {items} AS items "
        f"FROM {rows} GROUP BY tenant, received, service"
    )
    return View(f"{rows.removesuffix('_in')}_ingested", "ingested", select)
