"""
Compiles what structural queries run, so that the first one need not wait: ``python -m backbone.query.traceql.warm``.

The machine code is kept on disk beside the source, for all processes that come after.
"""

from __future__ import annotations

import numpy as np

from backbone.query.traceql.kernels import are_ancestors, find_parents, have_ancestor


def warm_up() -> None:
    """Relate the spans of a trace in each way."""
    spans = np.array([1, 2], np.uint64)
    parents = find_parents(spans, spans - np.uint64(1), np.array([0, 2]))
    wanted = np.array([True, False])
    have_ancestor(parents, wanted)
    are_ancestors(parents, wanted)


if __name__ == "__main__":
    warm_up()
