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
    "byte_mask",
    "code_points",
    "copied_window",
    "digit_mask",
    "eight_bytes",
    "high_mask",
    "leading_zeros",
    "ones_count",
    "personal_mask",
    "prefetch",
    "secret_mask",
    "stop_word_mask",
    "trailing_zeros",
    "triple_code_points",
    "unusual_mask",
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


def _within(builder: Any, window: Any, first: int, last: int) -> Any:
    if first == last:
        return builder.icmp_unsigned("==", window, _splat(first))
    if last == 0xFF:
        return builder.icmp_unsigned(">=", window, _splat(first))
    return _between(builder, window, chr(first), chr(last))


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


_LONGER = ("加微", "徽信", "威信", "卫星", "企鹅")


def _letter_q_or_v(builder: Any, loaded: list[Any], low: list[Any]) -> Any:
    """Bits of a q or v before a colon or a byte that is not ASCII, and of + or 加 before one."""
    letter = [_any(builder, _is(builder, each, "q"), _is(builder, each, "v")) for each in low]
    wide = builder.icmp_signed("<", loaded[1], _splat(0))
    return _any(
        builder,
        _all(builder, letter[0], _any(builder, wide, _is(builder, loaded[1], ":"))),
        _all(builder, letter[1], _is(builder, loaded[0], "+")),
        _all(builder, letter[3], _sequence(builder, loaded, "加".encode())),
    )


@_intrinsic
def personal_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether something personal other than a number may begin at byte index + i.

    That is `@`; a colon before another one or a hexadecimal digit; the last byte of a character
    that is not ASCII before a capital or a space and a capital; in any case, `qq`, `wx`, `vx`,
    `wec`, `wei`, `pass`, `plat`, `q` or `v` behind a plus or 加, or before a colon or a byte that
    is not ASCII; 微, 薇, 扣, 护, 護, 牌; 使 and a digit; and the first four bytes of 加微, 徽信,
    威信, 卫星, 企鹅.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        loaded = _windows(context, builder, signature, args, 4)
        low = [builder.or_(window, _splat(0x20)) for window in loaded]
        first, second, third, _ = low
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
        capital = _any(
            builder, _between(builder, loaded[1], "A", "Z"),
            _all(builder, _is(builder, loaded[1], " "), _between(builder, loaded[2], "A", "Z")),
        )  # fmt: skip
        found = _any(
            builder,
            _is(builder, loaded[0], "@"),
            builder.and_(_is(builder, loaded[0], ":"), hexadecimal),
            builder.and_(wide, capital),
            _sequence(builder, low, b"qq"),
            wechat,
            builder.and_(short, _is(builder, second, "x")),
            _sequence(builder, low, b"pass"),
            _sequence(builder, low, b"plat"),
            _letter_q_or_v(builder, loaded, low),
            *(_sequence(builder, loaded, char.encode()) for char in "微薇扣护護牌"),
            *(_sequence(builder, loaded, word.encode()[:4]) for word in _LONGER),
            _all(
                builder, _sequence(builder, loaded, "使".encode()),
                _between(builder, loaded[3], "0", "9"),
            ),
        )  # fmt: skip
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(data, types.intp), generate


@_intrinsic
def unusual_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether a full-width digit, capital or at sign stands at byte index + i.

    Or a digit before a byte of C2 or E2, with which spaces and dashes begin that are not ASCII.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first, second, third = _windows(context, builder, signature, args, 3)
        signs = _any(builder, _is(builder, second, "\xc2"), _is(builder, second, "\xe2"))
        found = _any(
            builder,
            builder.and_(_between(builder, first, "0", "9"), signs),
            _all(
                builder, _is(builder, first, "\xef"), _is(builder, second, "\xbc"),
                _any(
                    builder, _between(builder, third, "\x90", "\x99"),
                    _between(builder, third, "\xa0", "\xba"),
                ),
            ),
        )  # fmt: skip
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(data, types.intp), generate


def byte_mask(*ranges: tuple[int, int]) -> Callable[[Any, Any], Any]:
    """Return an intrinsic (data, index): bit i tells whether byte index + i lies in a range.

    Ranges are first and last byte; they are part of the code.
    """

    @_intrinsic
    def mask(_typing: Any, data: Any, _index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            (window,) = _windows(context, builder, signature, args)
            found = _any(builder, *(_within(builder, window, *each) for each in ranges))
            return builder.bitcast(found, ir.IntType(64))

        return types.uint64(data, types.intp), generate

    return mask


def stop_word_mask(words: tuple[str, ...]) -> Callable[[Any, Any], Any]:
    """Return an intrinsic (data, index): bit i tells whether one of `words` begins there.

    Words of 2 to 4 small ASCII letters, found in either case, and no ASCII letter behind.
    """

    @_intrinsic
    def mask(_typing: Any, data: Any, _index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            loaded = _windows(context, builder, signature, args, 5)
            low = [builder.or_(window, _splat(0x20)) for window in loaded]
            found = []
            for size in sorted({len(word) for word in words}):
                same = [_sequence(builder, low, w.encode()) for w in words if len(w) == size]
                behind = builder.not_(_between(builder, low[size], "a", "z"))
                found.append(builder.and_(_any(builder, *same), behind))
            return builder.bitcast(_any(builder, *found), ir.IntType(64))

        return types.uint64(data, types.intp), generate

    return mask


def _target(context: Any, builder: Any, signature: Any, args: Any, kind: Any) -> Any:
    """Return a pointer to where the third argument, at the index in the fourth, may be written."""
    array = context.make_array(signature.args[2])(context, builder, args[2])
    return builder.bitcast(builder.gep(array.data, [args[3]]), kind.as_pointer())


@_intrinsic
def copied_window(_typing: Any, data: Any, _index: Any, target: Any, _at: Any) -> Any:
    """Copy the 64 bytes from `index` on to target[at:]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = _windows(context, builder, signature, args)
        builder.store(window, _target(context, builder, signature, args, _KIND), align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, target, types.intp), generate


@_intrinsic
def code_points(_typing: Any, data: Any, _index: Any, codes: Any, _at: Any) -> Any:
    """Write the 16 bytes from `index` on, as uint32, to codes[at:]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(ir.IntType(8), 16)
        wide = ir.VectorType(ir.IntType(32), 16)
        loaded = builder.load(_pointer(context, builder, signature, args, kind), align=1)
        target = _target(context, builder, signature, args, wide)
        builder.store(builder.zext(loaded, wide), target, align=4)
        return context.get_dummy_value()

    return types.void(data, types.intp, codes, types.intp), generate


@_intrinsic
def triple_code_points(_typing: Any, data: Any, _index: Any, codes: Any, _at: Any) -> Any:
    """Write the code points of 16 characters of three bytes, from `index` on, to codes[at:]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # Four at a time, each in the order low byte first: one shuffle of 16 bytes.
        kind, wide = ir.VectorType(ir.IntType(8), 16), ir.VectorType(ir.IntType(32), 4)
        places = [place for k in range(4) for place in (3 * k + 2, 3 * k + 1, 3 * k, 16)]
        order = ir.Constant(ir.VectorType(ir.IntType(32), 16), places)
        zero = ir.Constant(kind, [0] * 16)
        first = _pointer(context, builder, signature, args, ir.IntType(8))
        target = _target(context, builder, signature, args, ir.IntType(32))
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


# What secrets begin with; `?` is any of the letters listed behind.
_SECRET_STARTS = (
    "-BEG", "A?IA KS", "gh?_ pousr", "_pat", "glpa", "glsa", "xox", "?k_l sr", "?k_t sr", "AIza",
    "GOCS", "sk-", "hf_", "npm_", "ypi-", "SG.", "eyJ", "://", "hvs.", "dop_", "shpa", "ya29",
)  # fmt: skip
_SECRET_WORDS = ("assw", "sphr", "secr", "oken", "eare", "sic ")


def _one_of(builder: Any, windows: list[Any], shown: str) -> Any:
    """Bits of the bytes at which a sequence begins, `?` standing for one of some letters."""
    text, _, letters = shown.partition(" ") if "?" in shown else (shown, "", "")
    return _all(builder, *(
        _any(builder, *(_is(builder, window, each) for each in letters))
        if char == "?" else _is(builder, window, char)
        for window, char in zip(windows, text, strict=False)
    ))  # fmt: skip


@_intrinsic
def secret_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether a secret, or a word that may name one, may begin at byte index + i.

    The words are parts of password, passphrase, secret, token, bearer and basic; `pwd` and `key`
    before another byte than a letter.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        loaded = _windows(context, builder, signature, args, 4)
        low = [builder.or_(window, _splat(0x20)) for window in loaded]
        apart = builder.not_(_between(builder, low[3], "a", "z"))
        short = _any(builder, _sequence(builder, low, b"pwd"), _sequence(builder, low, b"key"))
        found = _any(
            builder,
            builder.and_(apart, short),
            *(_one_of(builder, loaded, shown) for shown in _SECRET_STARTS),
            *(_sequence(builder, low, word.encode()) for word in _SECRET_WORDS),
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
