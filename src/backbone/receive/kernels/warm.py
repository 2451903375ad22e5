"""
Compiles what requests go through, so that the first one need not wait: ``python -m backbone.receive.kernels.warm``.

The machine code is kept on disk beside the source, for all processes that come after.
"""

from __future__ import annotations

import numpy as np

from backbone.model.scrubbing import Scrubbing
from backbone.receive.form import Request
from backbone.receive.known_series import RESOLVED, KnownSeries
from backbone.receive.rows.group import GroupRows
from backbone.receive.scrub.requests import RECORD
from backbone.receive.scrub.requests import warm_up as warm_scrubbing

_SERIES = bytes.fromhex("0a1a 0a0d 0a08 5f5f6e616d655f5f 1201 78 1209 09 000000000000f03f")
"""A series ``x`` with one sample."""


def warm_up() -> None:
    """Part a request, learn a series, scrub a record, and take spans and records apart."""
    known = KnownSeries()
    known.part(_SERIES, "")
    known.learn(np.zeros(1, RESOLVED), known.era)
    known.part(_SERIES, "")
    bits = {"numbers": True, "signs": True, "integers": False, "everything": False}
    warm_scrubbing(Scrubbing("", "", "", "", "", words=(), accounts={}, masked_cards=0, **bits))
    GroupRows("logs").payload([Request(RECORD, "", 0)])
    GroupRows("traces").payload([Request(b"", "", 0)])


if __name__ == "__main__":
    warm_up()
