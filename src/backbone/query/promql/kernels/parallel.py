"""How the kernels are run: on all cores where that pays."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_SERIAL_CELLS = 1 << 16
"""Below so many cells a second thread costs more than it brings."""


def over_rows(run: Callable[[int, int], None], rows: int, cells: int) -> None:
    """Call *run* with ranges of rows that together make up all of them, on all cores where that pays."""
    threads = os.cpu_count() or 1
    if cells < _SERIAL_CELLS or threads == 1 or rows < threads:
        run(0, rows)
        return
    bounds = [rows * part // threads for part in range(threads + 1)]
    list(_pool().map(run, bounds, bounds[1:]))


def in_parallel(run: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Return what *run* makes of each item, on all cores."""
    return list(_pool().map(run, items)) if len(items) > 1 else [run(item) for item in items]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="promql")
