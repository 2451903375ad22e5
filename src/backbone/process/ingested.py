"""What a door stored, counted by request and service: for its senders' answers, our counters and `backbone top`."""

from __future__ import annotations

from backbone.process.view import View


def ingested(signal: str, rows: str, items: str = "count()", *, refused: str = "''", kept_seconds: int = 0) -> View:
    """
    Return the view that counts what came in.

    Args:
        signal: traces, logs or metrics.
        rows: the table of unpacked rows.
        items: how many items a group of rows holds.
        refused: an expression that tells why a row is refused, empty where it is not.
        kept_seconds: after that age the table lets go of rows, at once if they are as old when they come; 0 is never.
    """
    outcome = f"if(time < now() - toIntervalSecond({kept_seconds}), 'expired', {refused})" if kept_seconds else refused
    counted = (
        f"SELECT tenant, received, service, {outcome} AS outcome, {items} AS count FROM {rows} "
        "GROUP BY tenant, received, service, outcome"
    )
    select = (
        f"SELECT tenant, received, '{signal}' AS signal, service, outcome AS refused, count AS items FROM ({counted})"
    )
    return View(f"{rows.removesuffix('_in')}_ingested", "ingested", select)
