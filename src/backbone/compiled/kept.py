"""
Where machine code is kept on disk, and what it was made from.

A compiled loop holds what it calls and names of other files, so it is made anew when one of these changes. Left to
itself numba looks at the loop's own file alone, and a loop would go on as it was before an upgrade.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

_IMPORT = re.compile(r"^from ([\w.]+) import (?:\(([^)]*)\)|(.*))", re.MULTILINE)
_NAME = re.compile(r"\w+")


class _MadeFrom:
    """Tells whether what is kept was made from the sources as they are now."""

    _py_file: str

    def get_source_stamp(self) -> str:
        return made_from(Path(self._py_file))


class InGivenFolder(_MadeFrom, UserProvidedCacheLocator):
    """In the folder that ``NUMBA_CACHE_DIR`` names."""


class BesideSource(_MadeFrom, InTreeCacheLocator):
    """In ``__pycache__`` beside the source, where that can be written."""


class InUsersFolder(_MadeFrom, UserWideCacheLocator):
    """Where the system has caches of a user."""


LOCATORS = ",".join(f"{__name__}.{place.__name__}" for place in (InGivenFolder, BesideSource, InUsersFolder))
"""The places in the order in which they are tried, as numba reads it."""


@cache
def made_from(file: Path) -> str:
    """Return a digest of a source file and all those of its package that it imports, however indirectly."""
    found: set[Path] = set()
    new = {file}
    while new:
        one = new.pop()
        found.add(one)
        new |= set(_imported(one)) - found
    digest = hashlib.sha256()
    for path in sorted(found):
        digest.update(_digest(path))
    return digest.hexdigest()


@cache
def _digest(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()


@cache
def _imported(file: Path) -> tuple[Path, ...]:
    return tuple(path for path in _candidates(file) if path.is_file())


def _candidates(file: Path) -> Iterator[Path]:
    """Yield where modules may be that a file imports: names that are imported may be modules, too."""
    package = file.parent
    while (package.parent / "__init__.py").is_file():
        package = package.parent
    for module, inner, rest in _IMPORT.findall(file.read_text()):
        if module.split(".")[0] != package.name:
            continue
        place = package.parent.joinpath(*module.split("."))
        for one in (place, *(place / name for name in _NAME.findall(inner or rest))):
            yield one.with_suffix(".py")
            yield one / "__init__.py"
