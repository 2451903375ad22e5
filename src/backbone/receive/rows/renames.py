"""Old names of attributes become new ones: a name is a place, so another place takes its stead."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from backbone.receive.kernels import columns
from backbone.receive.rows.block import Ids, Texts
from backbone.receive.rows.shredded import Numbers, Rows


def rename(rows: Rows, keys: Ids, renames: Mapping[str, str], texts: Texts) -> None:
    """
    Rename attributes of all lists at once.

    Where a list has the new name already, the old one stays; of several that would become the same, the first does.

    Args:
        rows: attributes, those of a list together and in its order; their names are changed.
        keys: the number of each one's name; changed, too.
        renames: new names by old ones.
    """
    news = {texts.id(old.encode()): texts.id(new.encode()) for old, new in renames.items()}
    becomes = np.arange(texts.count, dtype=np.int32)
    becomes[list(news)] = list(news.values())
    there, room = np.zeros(texts.count, np.bool_), np.empty(len(keys), np.int64)
    renamed = room[: columns.find_renamed(keys, becomes, there, room)]
    if not len(renamed):
        return
    wanted = becomes[keys[renamed]]
    # In most groups each new name has one old one, and is not there besides.
    targets, counts = np.unique([new for old, new in news.items() if there[old]], return_counts=True)
    if len(doubtful := targets[(counts > 1) | there[targets]]):
        free = _are_free(rows.parents, keys, renamed, doubtful, wanted)
        renamed, wanted = renamed[free], wanted[free]
    texts.rename(rows, keys, renamed, wanted)


def _are_free(lists: Numbers, keys: Ids, renamed: Numbers, doubtful: Ids, wanted: Ids) -> NDArray[np.bool_]:
    """Tell for each attribute that is to be renamed whether nothing else in its list has or gets the new name."""
    free = np.ones(len(renamed), np.bool_)
    asked = np.flatnonzero(np.isin(wanted, doubtful))
    own = lists[renamed[asked]] << 32 | wanted[asked]
    held = np.flatnonzero(np.isin(keys, doubtful))
    first = np.zeros(len(asked), np.bool_)
    first[np.unique(own, return_index=True)[1]] = True
    free[asked] = first & ~np.isin(own, lists[held] << 32 | keys[held])
    return free
