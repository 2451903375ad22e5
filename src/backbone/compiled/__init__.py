"""How loops over bytes and numbers are compiled, where the engine is not the one to run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from backbone.compiled.kept import LOCATORS

_Function = TypeVar("_Function", bound=Callable[..., Any])

# The options of numba's configuration are made at run time.
vars(numba.config)["CACHE_LOCATOR_CLASSES"] = LOCATORS


def kernel(function: _Function) -> _Function:
    """Compile a function when it is first called; the machine code is kept on disk, see `backbone.compiled.kept`."""
    # Division by zero gives an infinity or NaN, as it does in Go.
    return cast("_Function", numba.njit(nogil=True, cache=True, error_model="numpy")(function))
