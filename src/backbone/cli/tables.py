"""Tables on a terminal."""

from __future__ import annotations


def print_table(names: list[str], rows: list[list[str]]) -> None:
    """Print rows below their names; a command that found nothing says so."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - heavy
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    if not rows:
        print("nothing found")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in names:
        # An id or a time cut over lines cannot be copied.
        table.add_column(escape(name), overflow="fold", no_wrap=name in {"trace", "start"})
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console(highlight=False).print(table)
