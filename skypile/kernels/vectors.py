"""Vector code for kernels: 64 bytes at a time as masks of 64 bits, decoded characters, bits.

What is loaded may reach 64 bytes past `index`.
"""

from __future__ import annotations

from typing import Any

from skypile.kernels.vector_parts import (
    KIND,
    WINDOW,
    between,
    load_windows,
    pointer,
    splat,
    target_pointer,
    vector_intrinsic,
)

# isort: split
# After kernels.vector_parts, which has kernels.cache set the cache folder that numba reads.
from llvmlite import ir
from numba import types

__all__ = [
    "WINDOW",
    "alphanumeric_mask",
    "blank_mask",
    "break_mask",
    "code_points",
    "copied_window",
    "digit_mask",
    "eight_bytes",
    "high_mask",
    "leading_zeros",
    "ones_count",
    "prefetch",
    "trailing_zeros",
    "triple_code_points",
]


@vector_intrinsic
def alphanumeric_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is an ASCII letter or digit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = load_windows(context, builder, signature, args)
        letter = between(builder, builder.or_(window, splat(0x20)), "a", "z")
        digit = between(builder, window, "0", "9")
        return builder.bitcast(builder.or_(letter, digit), ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_intrinsic
def blank_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is ASCII white space (U+001C to U+001F among it)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = load_windows(context, builder, signature, args)
        tab = between(builder, window, "\t", "\r")
        return builder.bitcast(
            builder.or_(tab, between(builder, window, "\x1c", " ")), ir.IntType(64)
        )

    return types.uint64(data, types.intp), generate


@vector_intrinsic
def break_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i ends a line: U+000A to U+000D."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = load_windows(context, builder, signature, args)
        return builder.bitcast(between(builder, window, "\n", "\r"), ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_intrinsic
def digit_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is an ASCII digit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = load_windows(context, builder, signature, args)
        return builder.bitcast(between(builder, window, "0", "9"), ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_intrinsic
def high_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is not ASCII."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = load_windows(context, builder, signature, args)
        return builder.bitcast(builder.icmp_signed("<", window, splat(0)), ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_intrinsic
def copied_window(_typing: Any, data: Any, _index: Any, target: Any, _at: Any) -> Any:
    """Copy the 64 bytes from `index` on to target[at:]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = load_windows(context, builder, signature, args)
        builder.store(window, target_pointer(context, builder, signature, args, KIND), align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, target, types.intp), generate


@vector_intrinsic
def code_points(_typing: Any, data: Any, _index: Any, codes: Any, _at: Any) -> Any:
    """Write the 16 bytes from `index` on, as uint32, to codes[at:]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(ir.IntType(8), 16)
        wide = ir.VectorType(ir.IntType(32), 16)
        loaded = builder.load(pointer(context, builder, signature, args, kind), align=1)
        target = target_pointer(context, builder, signature, args, wide)
        builder.store(builder.zext(loaded, wide), target, align=4)
        return context.get_dummy_value()

    return types.void(data, types.intp, codes, types.intp), generate


@vector_intrinsic
def triple_code_points(_typing: Any, data: Any, _index: Any, codes: Any, _at: Any) -> Any:
    """Write the code points of 16 characters of three bytes, from `index` on, to codes[at:]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # Four at a time, each in the order low byte first: one shuffle of 16 bytes.
        kind, wide = ir.VectorType(ir.IntType(8), 16), ir.VectorType(ir.IntType(32), 4)
        places = [place for k in range(4) for place in (3 * k + 2, 3 * k + 1, 3 * k, 16)]
        order = ir.Constant(ir.VectorType(ir.IntType(32), 16), places)
        zero = ir.Constant(kind, [0] * 16)
        first = pointer(context, builder, signature, args, ir.IntType(8))
        target = target_pointer(context, builder, signature, args, ir.IntType(32))
        for step in range(4):
            place = builder.gep(first, [ir.Constant(ir.IntType(64), 12 * step)])
            loaded = builder.load(builder.bitcast(place, kind.as_pointer()), align=1)
            lanes = builder.bitcast(builder.shuffle_vector(loaded, zero, order), wide)
            code = builder.and_(lanes, ir.Constant(wide, [0x3F] * 4))
            for mask, shift in ((0x3F00, 2), (0x0F0000, 4)):
                part = builder.and_(lanes, ir.Constant(wide, [mask] * 4))
                code = builder.or_(code, builder.lshr(part, ir.Constant(wide, [shift] * 4)))
            place = builder.gep(target, [ir.Constant(ir.IntType(64), 4 * step)])
            builder.store(code, builder.bitcast(place, wide.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(data, types.intp, codes, types.intp), generate


@vector_intrinsic
def eight_bytes(_typing: Any, data: Any, _index: Any) -> Any:
    """The 8 bytes from `index` on as a little-endian number."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(pointer(context, builder, signature, args, ir.IntType(64)), align=1)

    return types.uint64(data, types.intp), generate


@vector_intrinsic
def prefetch(_typing: Any, data: Any, _index: Any) -> Any:
    """Ask for the cache line of data[index], uint64; return `index`. Nothing waits for it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        place = builder.bitcast(builder.gep(array.data, [args[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        name = "llvm.prefetch.p0i8" if "*" in str(byte) else "llvm.prefetch.p0"
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        assert name in (function.name, "llvm.prefetch.p0", "llvm.prefetch.p0i8")
        builder.call(function, [place, number(0), number(2), number(1)])
        return args[1]

    return types.intp(data, types.intp), generate


@vector_intrinsic
def trailing_zeros(_typing: Any, _mask: Any) -> Any:
    """The index of the lowest bit set, 64 where none is."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.intp(types.uint64), generate


@vector_intrinsic
def leading_zeros(_typing: Any, _mask: Any) -> Any:
    """The number of zero bits above the highest bit set, 64 where none is."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.intp(types.uint64), generate


@vector_intrinsic
def ones_count(_typing: Any, _mask: Any) -> Any:
    """The number of bits set."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.intp(types.uint64), generate
