"""
Numbers read straight from memory, and written to it, by address.

Loops over single bytes are twice as fast on addresses as on arrays, whose every index may be negative and whose owners
are counted at each call. Nothing here looks where memory ends; who calls has seen to it that the bytes are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_BYTE, _LONG = ir.IntType(8), ir.IntType(64)


def _loading(bits: int, widen: str, result: Any) -> Any:
    """Return what compiles to a load of so many bits."""

    def load(_context: Any, address: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            loaded = builder.load(pointer, align=1)
            return getattr(builder, widen)(loaded, _LONG) if bits < 64 else loaded

        return result(address), generate

    return intrinsic(load)


def _put_long(_context: Any, address: Any, number: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], builder.inttoptr(arguments[0], _LONG.as_pointer()), align=8)
        return _context.get_dummy_value()

    return types.void(address, number), generate


def _put_byte(_context: Any, address: Any, _number: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        lowest = builder.trunc(arguments[1], _BYTE)
        builder.store(lowest, builder.inttoptr(arguments[0], _BYTE.as_pointer()))
        return _context.get_dummy_value()

    return types.void(address, types.int64), generate


def _copy(_context: Any, to: Any, begin: Any, size: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        target, source = (builder.inttoptr(arguments[place], _BYTE.as_pointer()) for place in (0, 1))
        copying: Any = cgutils.raw_memcpy
        copying(builder, target, source, arguments[2], ir.Constant(_LONG, 1))
        return _context.get_dummy_value()

    return types.void(to, begin, size), generate


byte_at = cast("Callable[[int], int]", _loading(8, "zext", types.int64))
"""Return the byte at an address."""
short_at = cast("Callable[[int], int]", _loading(16, "sext", types.int64))
"""Return the signed number of two bytes at an address, the lowest first."""
int_at = cast("Callable[[int], int]", _loading(32, "sext", types.int64))
"""Return the signed number of four bytes at an address, the lowest first."""
long_at = cast("Callable[[int], int]", _loading(64, "zext", types.int64))
"""Return the signed number of eight bytes at an address, the lowest first."""
put_long = cast("Callable[[int, int], None]", intrinsic(_put_long))
"""Write a number of eight bytes to an address."""
put_byte = cast("Callable[[int, int], None]", intrinsic(_put_byte))
"""Write the lowest byte of a number to an address."""
copy_bytes = cast("Callable[[int, int, int], None]", intrinsic(_copy))
"""Copy to an address from another so many bytes; the two do not overlap."""
