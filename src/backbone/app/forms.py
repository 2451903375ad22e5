"""Which form the engine is given requests of each wire in."""

from __future__ import annotations

from collections.abc import Callable

from backbone.model.renames import Renames
from backbone.process import faults_query
from backbone.receive.form import Form, Messages
from backbone.receive.rows.group import GroupRows
from backbone.store.engine import Engine
from backbone.store.wire import ROWS, WireName, wire


def form_of(name: WireName, engine: Engine, renames: Callable[[], Renames] = Renames) -> Form:
    """Return what makes of a wire's requests what is inserted; *renames* are asked for before each group."""
    return GroupRows(name, renames) if name in ROWS else Messages(wire(name), faults_query(name), engine)
