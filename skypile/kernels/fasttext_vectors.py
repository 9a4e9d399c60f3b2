"""Vector code for fastText: separators of words, starts of characters, sums of rows."""

from __future__ import annotations

from typing import Any

from skypile.kernels.vector_parts import (
    WINDOW,
    between,
    is_char,
    load_windows,
    pointer,
    splat,
    vector_intrinsic,
)

# isort: split
# After kernels.vectors, which has kernels.cache set the cache folder that numba reads on import.
from llvmlite import ir
from numba import types
from numba.core import cgutils

__all__ = [
    "LANES",
    "WINDOW",
    "add_rows",
    "character_mask",
    "put_eight_bytes",
    "separator_mask",
]

LANES = 16
_ROW = ir.VectorType(ir.FloatType(), LANES)


@vector_intrinsic
def separator_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i separates words for fastText: ASCII white space or NUL."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = load_windows(context, builder, signature, args)
        blank = builder.or_(is_char(builder, window, " "), is_char(builder, window, "\0"))
        found = builder.or_(blank, between(builder, window, "\t", "\r"))
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_intrinsic
def character_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether a character of UTF-8 begins at byte index + i."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = load_windows(context, builder, signature, args)
        begins = builder.icmp_signed(">=", window, splat(0xC0))
        return builder.bitcast(begins, ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_intrinsic
def put_eight_bytes(_typing: Any, data: Any, _index: Any, _value: Any) -> Any:
    """Write a number of 64 bits, little-endian, to the 8 bytes from `index` on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = pointer(context, builder, signature, args, ir.IntType(64))
        builder.store(args[2], place, align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, types.uint64), generate


@vector_intrinsic
def add_rows(_typing: Any, total: Any, rows: Any, numbers: Any, _count: Any, _first: Any) -> Any:
    """Add `rows[number, first : first + LANES]` for numbers[:count], in order, to total[first:].

    Arrays float32 (width,), float32 (n, width), int32; each float is a sum of its own, so the
    result is that of a plain loop to the last bit.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        width = _row_width(context, builder, signature, args)
        begin = _pointer_to(context, builder, signature, args, 1)
        chosen = context.make_array(signature.args[2])(context, builder, args[2]).data
        target = builder.gep(_pointer_to(context, builder, signature, args, 0), [args[4]])
        target = builder.bitcast(target, _ROW.as_pointer())
        held = cgutils.alloca_once_value(builder, builder.load(target, align=4))
        with cgutils.for_range(builder, args[3]) as loop:
            number = builder.sext(builder.load(builder.gep(chosen, [loop.index])), ir.IntType(64))
            place = builder.add(builder.mul(number, width), args[4])
            row = builder.bitcast(builder.gep(begin, [place]), _ROW.as_pointer())
            builder.store(builder.fadd(builder.load(held), builder.load(row, align=4)), held)
        builder.store(builder.load(held), target, align=4)
        return context.get_dummy_value()

    return types.void(total, rows, numbers, types.intp, types.intp), generate


def _pointer_to(context: Any, builder: Any, signature: Any, args: Any, number: int) -> Any:
    return context.make_array(signature.args[number])(context, builder, args[number]).data


def _row_width(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Return how many floats a row has."""
    rows = context.make_array(signature.args[1])(context, builder, args[1])
    return builder.extract_value(rows.shape, 1)
