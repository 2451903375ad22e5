"""
Eight bytes at a time: what the compiler does not make of eight loads of one byte.

Nothing here looks at an array's end; who calls has seen to it that the bytes are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from backbone.compiled.protobuf import Bytes

_WORD = ir.IntType(64)
_PRODUCT = ir.IntType(128)


def _word_at(_context: Any, data: Any, _at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        make: Any = cgutils.create_struct_proxy
        array = make(signature.args[0])(context, builder, arguments[0])
        first = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(first, _WORD.as_pointer()), align=1)

    return types.uint64(data, types.int64), generate


def _halves(builder: Any, words: Any) -> tuple[Any, Any]:
    """Return both halves of the product of two words."""
    product = builder.mul(*(builder.zext(word, _PRODUCT) for word in words))
    upper = builder.lshr(product, ir.Constant(_PRODUCT, 64))
    return builder.trunc(product, _WORD), builder.trunc(upper, _WORD)


def _folded(_context: Any, _one: Any, _other: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        lower, upper = _halves(builder, arguments)
        return builder.xor(lower, upper)

    return types.uint64(types.uint64, types.uint64), generate


def _upper_product(_context: Any, _one: Any, _other: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _halves(builder, arguments)[1]

    return types.uint64(types.uint64, types.uint64), generate


word_at = cast("Callable[[Bytes, int], np.uint64]", intrinsic(_word_at))
"""Return the eight bytes of an array from a place on as a number, the first one lowest."""

folded = cast("Callable[[np.uint64, np.uint64], np.uint64]", intrinsic(_folded))
"""Return the lower half of the product of two words of 64 bits, xor the upper half."""

upper_product = cast("Callable[[np.uint64, np.uint64], np.uint64]", intrinsic(_upper_product))
"""Return the upper half of the product of two words of 64 bits."""
