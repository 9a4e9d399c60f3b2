"""Vector code for kernels: 64 bytes at a time, as masks of 64 bits.

LLVM lowers it to AVX-512, AVX2, SSE2 or NEON. What is loaded may reach 64 bytes past `index`, and
two or three more where a mask looks at the bytes behind each one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skypile.kernels import cache

# isort: split
# After kernels.cache, which sets the cache folder that numba reads on import.
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = [
    "WINDOW",
    "alphanumeric_mask",
    "blank_mask",
    "break_mask",
    "digit_mask",
    "eight_bytes",
    "high_mask",
    "leading_zeros",
    "ones_count",
    "personal_mask",
    "prefetch",
    "trailing_zeros",
]

assert cache

# An intrinsic is called without its first parameter.
_intrinsic: Callable[[Callable[..., Any]], Callable[..., Any]] = intrinsic

WINDOW = 64
_KIND = ir.VectorType(ir.IntType(8), WINDOW)


def _splat(byte: int) -> Any:
    return ir.Constant(_KIND, [byte] * WINDOW)


def _pointer(context: Any, builder: Any, signature: Any, args: Any, kind: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), kind.as_pointer())


def _windows(context: Any, builder: Any, signature: Any, args: Any, count: int = 1) -> list[Any]:
    """Load the 64 bytes from `index` on, from index + 1 on, and so forth."""
    first = _pointer(context, builder, signature, args, ir.IntType(8))
    found = []
    for step in range(count):
        place = builder.gep(first, [ir.Constant(ir.IntType(64), step)])
        found.append(builder.load(builder.bitcast(place, _KIND.as_pointer()), align=1))
    return found


def _is(builder: Any, window: Any, char: str) -> Any:
    return builder.icmp_unsigned("==", window, _splat(ord(char)))


def _between(builder: Any, window: Any, first: str, last: str) -> Any:
    size = _splat(ord(last) - ord(first))
    return builder.icmp_unsigned("<=", builder.sub(window, _splat(ord(first))), size)


def _any(builder: Any, *masks: Any) -> Any:
    found = masks[0]
    for mask in masks[1:]:
        found = builder.or_(found, mask)
    return found


def _all(builder: Any, *masks: Any) -> Any:
    found = masks[0]
    for mask in masks[1:]:
        found = builder.and_(found, mask)
    return found


def _sequence(builder: Any, windows: list[Any], data: bytes) -> Any:
    """Bits of the bytes at which `data` begins."""
    pairs = zip(windows, data, strict=False)
    return _all(builder, *(_is(builder, window, chr(byte)) for window, byte in pairs))


@_intrinsic
def alphanumeric_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is an ASCII letter or digit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = _windows(context, builder, signature, args)
        letter = _between(builder, builder.or_(window, _splat(0x20)), "a", "z")
        digit = _between(builder, window, "0", "9")
        return builder.bitcast(builder.or_(letter, digit), ir.IntType(64))

    return types.uint64(data, types.intp), generate


@_intrinsic
def blank_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is ASCII white space (U+001C to U+001F among it)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = _windows(context, builder, signature, args)
        tab = _between(builder, window, "\t", "\r")
        return builder.bitcast(
            builder.or_(tab, _between(builder, window, "\x1c", " ")), ir.IntType(64)
        )

    return types.uint64(data, types.intp), generate


@_intrinsic
def break_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i ends a line: U+000A to U+000D."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = _windows(context, builder, signature, args)
        return builder.bitcast(_between(builder, window, "\n", "\r"), ir.IntType(64))

    return types.uint64(data, types.intp), generate


@_intrinsic
def digit_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is an ASCII digit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = _windows(context, builder, signature, args)
        return builder.bitcast(_between(builder, window, "0", "9"), ir.IntType(64))

    return types.uint64(data, types.intp), generate


@_intrinsic
def high_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is not ASCII."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = _windows(context, builder, signature, args)
        return builder.bitcast(builder.icmp_signed("<", window, _splat(0)), ir.IntType(64))

    return types.uint64(data, types.intp), generate


@_intrinsic
def personal_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether something personal other than a number may begin at byte index + i.

    That is `@`; a colon before another one or a hexadecimal digit; the last byte of a character
    that is not ASCII before a capital; and, in any case, `qq`, `wx`, `vx`, `wec`, `wei`, `pass`;
    微, 扣, 护 and 護.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        loaded = _windows(context, builder, signature, args, 4)
        low = [builder.or_(window, _splat(0x20)) for window in loaded]
        first, second, third, fourth = low
        hexadecimal = _any(
            builder, _between(builder, loaded[1], "0", "9"), _between(builder, second, "a", "f"),
            _is(builder, loaded[1], ":"),
        )  # fmt: skip
        wide = builder.icmp_signed("<", loaded[0], _splat(0))
        wechat = _all(
            builder, _is(builder, first, "w"), _is(builder, second, "e"),
            _any(builder, _is(builder, third, "c"), _is(builder, third, "i")),
        )  # fmt: skip
        short = _any(builder, _is(builder, first, "w"), _is(builder, first, "v"))
        found = _any(
            builder,
            _is(builder, loaded[0], "@"),
            builder.and_(_is(builder, loaded[0], ":"), hexadecimal),
            builder.and_(wide, _between(builder, loaded[1], "A", "Z")),
            _sequence(builder, low, b"qq"),
            wechat,
            builder.and_(short, _is(builder, second, "x")),
            _sequence(builder, [first, second, third, fourth], b"pass"),
            *(_sequence(builder, loaded, char.encode()) for char in "微扣护護"),
        )
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(data, types.intp), generate


@_intrinsic
def eight_bytes(_typing: Any, data: Any, _index: Any) -> Any:
    """The 8 bytes from `index` on as a little-endian number."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature, args, ir.IntType(64)), align=1)

    return types.uint64(data, types.intp), generate


@_intrinsic
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


@_intrinsic
def trailing_zeros(_typing: Any, _mask: Any) -> Any:
    """The index of the lowest bit set, 64 where none is."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.intp(types.uint64), generate


@_intrinsic
def leading_zeros(_typing: Any, _mask: Any) -> Any:
    """The number of zero bits above the highest bit set, 64 where none is."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.intp(types.uint64), generate


@_intrinsic
def ones_count(_typing: Any, _mask: Any) -> Any:
    """The number of bits set."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.intp(types.uint64), generate
