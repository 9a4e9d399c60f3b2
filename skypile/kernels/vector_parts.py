"""Parts of vector code for kernels: 64 bytes as one value of LLVM, and what is compared in it.

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
from numba.extending import intrinsic

__all__ = [
    "KIND",
    "WINDOW",
    "all_of",
    "any_of",
    "between",
    "is_char",
    "load_windows",
    "pointer",
    "sequence",
    "splat",
    "target_pointer",
    "vector_intrinsic",
    "within",
]

assert cache

# An intrinsic is called without its first parameter.
vector_intrinsic: Callable[[Callable[..., Any]], Callable[..., Any]] = intrinsic

WINDOW = 64
KIND = ir.VectorType(ir.IntType(8), WINDOW)


def splat(byte: int) -> Any:
    """Return a vector of 64 times `byte`."""
    return ir.Constant(KIND, [byte] * WINDOW)


def pointer(context: Any, builder: Any, signature: Any, args: Any, kind: Any) -> Any:
    """Return a pointer of `kind` to the first argument, an array, at the second one, an index."""
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), kind.as_pointer())


def load_windows(
    context: Any, builder: Any, signature: Any, args: Any, count: int = 1
) -> list[Any]:
    """Load the 64 bytes from `index` on, from index + 1 on, and so forth."""
    first = pointer(context, builder, signature, args, ir.IntType(8))
    found = []
    for step in range(count):
        place = builder.gep(first, [ir.Constant(ir.IntType(64), step)])
        found.append(builder.load(builder.bitcast(place, KIND.as_pointer()), align=1))
    return found


def is_char(builder: Any, window: Any, char: str) -> Any:
    """Return <64 x i1>: which bytes are `char`."""
    return builder.icmp_unsigned("==", window, splat(ord(char)))


def between(builder: Any, window: Any, first: str, last: str) -> Any:
    """Return <64 x i1>: which bytes lie from `first` to `last`."""
    size = splat(ord(last) - ord(first))
    return builder.icmp_unsigned("<=", builder.sub(window, splat(ord(first))), size)


def within(builder: Any, window: Any, first: int, last: int) -> Any:
    """Return <64 x i1>: which bytes lie from `first` to `last`, with the cheapest comparison."""
    if first == last:
        return builder.icmp_unsigned("==", window, splat(first))
    if last == 0xFF:
        return builder.icmp_unsigned(">=", window, splat(first))
    return between(builder, window, chr(first), chr(last))


def any_of(builder: Any, *masks: Any) -> Any:
    """Return <64 x i1>: which bits are set in one of the masks."""
    found = masks[0]
    for mask in masks[1:]:
        found = builder.or_(found, mask)
    return found


def all_of(builder: Any, *masks: Any) -> Any:
    """Return <64 x i1>: which bits are set in all masks."""
    found = masks[0]
    for mask in masks[1:]:
        found = builder.and_(found, mask)
    return found


def sequence(builder: Any, windows: list[Any], data: bytes) -> Any:
    """Return <64 x i1>: at which bytes `data` begins."""
    pairs = zip(windows, data, strict=False)
    return all_of(builder, *(is_char(builder, window, chr(byte)) for window, byte in pairs))


def target_pointer(context: Any, builder: Any, signature: Any, args: Any, kind: Any) -> Any:
    """Return a pointer to where the third argument, at the index in the fourth, may be written."""
    array = context.make_array(signature.args[2])(context, builder, args[2])
    return builder.bitcast(builder.gep(array.data, [args[3]]), kind.as_pointer())
