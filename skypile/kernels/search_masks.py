"""Vector code that says where something searched for may begin: 64 bytes as a mask of 64 bits.

What is loaded may reach 64 bytes past `index`, and up to four more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skypile.kernels.vector_parts import (
    all_of,
    any_of,
    between,
    is_char,
    load_windows,
    sequence,
    splat,
    vector_intrinsic,
    within,
)

# isort: split
# After kernels.vector_parts, which has kernels.cache set the cache folder that numba reads.
from llvmlite import ir
from numba import types

__all__ = [
    "byte_mask",
    "personal_mask",
    "secret_mask",
    "stop_word_mask",
    "unusual_mask",
]

_LONGER = ("加微", "徽信", "威信", "卫星", "企鹅")


def _letter_q_or_v(builder: Any, loaded: list[Any], low: list[Any]) -> Any:
    """Bits of a q or v before a colon or a byte that is not ASCII, and of + or 加 before one."""
    letter = [
        any_of(builder, is_char(builder, each, "q"), is_char(builder, each, "v")) for each in low
    ]
    wide = builder.icmp_signed("<", loaded[1], splat(0))
    return any_of(
        builder,
        all_of(builder, letter[0], any_of(builder, wide, is_char(builder, loaded[1], ":"))),
        all_of(builder, letter[1], is_char(builder, loaded[0], "+")),
        all_of(builder, letter[3], sequence(builder, loaded, "加".encode())),
    )


@vector_intrinsic
def personal_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether something personal other than a number may begin at byte index + i.

    That is `@`; a colon before another one or a hexadecimal digit; the last byte of a character
    that is not ASCII before a capital or a space and a capital; in any case, `qq`, `wx`, `vx`,
    `wec`, `wei`, `pass`, `plat`, `q` or `v` behind a plus or 加, or before a colon or a byte that
    is not ASCII; 微, 薇, 扣, 护, 護, 牌; 使 and a digit; and the first four bytes of 加微, 徽信,
    威信, 卫星, 企鹅.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # To leave out what begins with other bytes, where all 64 are ASCII, was tried: the branch
        # cost a fifth of the speed in English and half of it in Chinese.
        loaded = load_windows(context, builder, signature, args, 4)
        low = [builder.or_(window, splat(0x20)) for window in loaded]
        first, second, third, _ = low
        hexadecimal = any_of(
            builder, between(builder, loaded[1], "0", "9"), between(builder, second, "a", "f"),
            is_char(builder, loaded[1], ":"),
        )  # fmt: skip
        wide = builder.icmp_signed("<", loaded[0], splat(0))
        wechat = all_of(
            builder, is_char(builder, first, "w"), is_char(builder, second, "e"),
            any_of(builder, is_char(builder, third, "c"), is_char(builder, third, "i")),
        )  # fmt: skip
        short = any_of(builder, is_char(builder, first, "w"), is_char(builder, first, "v"))
        capital = any_of(
            builder, between(builder, loaded[1], "A", "Z"),
            builder.and_(is_char(builder, loaded[1], " "), between(builder, loaded[2], "A", "Z")),
        )  # fmt: skip
        found = any_of(
            builder,
            is_char(builder, loaded[0], "@"),
            builder.and_(is_char(builder, loaded[0], ":"), hexadecimal),
            builder.and_(wide, capital),
            sequence(builder, low, b"qq"),
            wechat,
            builder.and_(short, is_char(builder, second, "x")),
            sequence(builder, low, b"pass"),
            sequence(builder, low, b"plat"),
            _letter_q_or_v(builder, loaded, low),
            *(sequence(builder, loaded, char.encode()) for char in "微薇扣护護牌"),
            *(sequence(builder, loaded, word.encode()[:4]) for word in _LONGER),
            all_of(
                builder, sequence(builder, loaded, "使".encode()),
                between(builder, loaded[3], "0", "9"),
            ),
        )  # fmt: skip
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_intrinsic
def unusual_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether a full-width digit, capital or at sign stands at byte index + i.

    Or a digit before a byte of C2 or E2, with which spaces and dashes begin that are not ASCII.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first, second, third = load_windows(context, builder, signature, args, 3)
        signs = any_of(builder, is_char(builder, second, "\xc2"), is_char(builder, second, "\xe2"))
        found = any_of(
            builder,
            builder.and_(between(builder, first, "0", "9"), signs),
            all_of(
                builder, is_char(builder, first, "\xef"), is_char(builder, second, "\xbc"),
                any_of(
                    builder, between(builder, third, "\x90", "\x99"),
                    between(builder, third, "\xa0", "\xba"),
                ),
            ),
        )  # fmt: skip
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(data, types.intp), generate


def byte_mask(*ranges: tuple[int, int]) -> Callable[[Any, Any], Any]:
    """Return an intrinsic (data, index): bit i tells whether byte index + i lies in a range.

    Ranges are first and last byte; they are part of the code.
    """

    @vector_intrinsic
    def mask(_typing: Any, data: Any, _index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            (window,) = load_windows(context, builder, signature, args)
            found = any_of(builder, *(within(builder, window, *each) for each in ranges))
            return builder.bitcast(found, ir.IntType(64))

        return types.uint64(data, types.intp), generate

    return mask


def stop_word_mask(words: tuple[str, ...]) -> Callable[[Any, Any], Any]:
    """Return an intrinsic (data, index): bit i tells whether one of `words` begins there.

    Words of 2 to 4 small ASCII letters, found in either case, and no ASCII letter behind.
    """

    @vector_intrinsic
    def mask(_typing: Any, data: Any, _index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            loaded = load_windows(context, builder, signature, args, 5)
            low = [builder.or_(window, splat(0x20)) for window in loaded]
            found = []
            for size in sorted({len(word) for word in words}):
                same = [sequence(builder, low, w.encode()) for w in words if len(w) == size]
                behind = builder.not_(between(builder, low[size], "a", "z"))
                found.append(builder.and_(any_of(builder, *same), behind))
            return builder.bitcast(any_of(builder, *found), ir.IntType(64))

        return types.uint64(data, types.intp), generate

    return mask


# What secrets begin with; `?` is any of the letters listed behind.
_SECRET_STARTS = (
    "-BEG", "A?IA KS", "gh?_ pousr", "_pat", "glpa", "glsa", "xox", "?k_l sr", "?k_t sr", "AIza",
    "GOCS", "sk-", "hf_", "npm_", "ypi-", "SG.", "eyJ", "://", "hvs.", "dop_", "shpa", "ya29",
)  # fmt: skip
_SECRET_WORDS = ("assw", "sphr", "secr", "oken", "eare", "sic ")


def _one_of(builder: Any, windows: list[Any], shown: str) -> Any:
    """Bits of the bytes at which a sequence begins, `?` standing for one of some letters."""
    text, _, letters = shown.partition(" ") if "?" in shown else (shown, "", "")
    return all_of(builder, *(
        any_of(builder, *(is_char(builder, window, each) for each in letters))
        if char == "?" else is_char(builder, window, char)
        for window, char in zip(windows, text, strict=False)
    ))  # fmt: skip


@vector_intrinsic
def secret_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether a secret, or a word that may name one, may begin at byte index + i.

    The words are parts of password, passphrase, secret, token, bearer and basic; `pwd` and `key`
    before another byte than a letter.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        loaded = load_windows(context, builder, signature, args, 4)
        low = [builder.or_(window, splat(0x20)) for window in loaded]
        apart = builder.not_(between(builder, low[3], "a", "z"))
        short = any_of(builder, sequence(builder, low, b"pwd"), sequence(builder, low, b"key"))
        found = any_of(
            builder,
            builder.and_(apart, short),
            *(_one_of(builder, loaded, shown) for shown in _SECRET_STARTS),
            *(sequence(builder, low, word.encode()) for word in _SECRET_WORDS),
        )
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(data, types.intp), generate
