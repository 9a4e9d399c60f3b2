"""Vector masks of the bytes at which something may stand that normalisation changes or counts.

The masks may tell of too much (whole blocks of scripts with marks), never of too little.
"""

from __future__ import annotations

from typing import Any

from skypile.kernels import vector_parts

# isort: split
# After kernels.vectors, which has the cache folder set before numba is imported.
from llvmlite import ir
from numba import types

__all__ = [
    "ampersand_mask",
    "odd_mask",
    "rare_mask",
    "space_end_mask",
    "suspect_mask",
    "wide_form_mask",
]

# Lead byte -> first and last second byte, for two bytes that decide alone.
_PAIRS = (
    (0xC2, 0x80, 0x9F), (0xC2, 0xAD, 0xAD),  # C1 controls, soft hyphen
    (0xCC, 0x80, 0xBF), (0xCD, 0x80, 0xBF),  # combining marks, Greek signs
    (0xCE, 0x87, 0x87), (0xD2, 0x83, 0x87),  # Greek middle dot, Cyrillic marks
    (0xE2, 0x83, 0x84), (0xE2, 0x8C, 0x8C), (0xE2, 0xAB, 0xAB),  # marks, Ohm and Kelvin, angles
    (0xE2, 0xB3, 0xB3), (0xE2, 0xB5, 0xB5), (0xE2, 0xB7, 0xB7),  # Coptic, Tifinagh, Cyrillic
    (0xE9, 0x88, 0x91),  # U+9200 to U+947F: the first halves of UTF-8 read as GBK
    (0xEA, 0x99, 0xAF),  # scripts with marks, from Cyrillic to Meetei Mayek
    (0xEF, 0xA4, 0xAD), (0xEF, 0xB7, 0xB8),  # compatibility forms, variation selectors
    (0xF0, 0x80, 0x9E), (0xF0, 0xAF, 0xAF),  # marks of rare scripts, compatibility ideographs
)  # fmt: skip
# The same with a third byte: the first two, then first and last.
_TRIPLES = (
    (0xE2, 0x80, 0x80, 0x81), (0xE2, 0x80, 0x8B, 0x8F), (0xE2, 0x80, 0xA8, 0xAE),
    (0xE2, 0x81, 0xA0, 0xAF),  # quads, zero width, lines, directions, invisible signs
    (0xE3, 0x80, 0xAA, 0xAF), (0xE3, 0x82, 0x99, 0x9A),  # tone marks, voiced sound marks
    (0xE7, 0x83, 0xAB, 0xAB), (0xE5, 0xB1, 0xAF, 0xAF),  # 烫, 屯
    (0xE9, 0x96, 0xB5, 0xBF),  # what they become when it happens twice
    (0xE9, 0x94, 0x9B, 0x9B), (0xE9, 0x94, 0x9F, 0x9F),  # 锛, 锟
    (0xEF, 0xBB, 0xBF, 0xBF), (0xEF, 0xBF, 0xB9, 0xBF),  # byte order mark, specials
)  # fmt: skip


def _byte(builder: Any, window: Any, byte: int) -> Any:
    return vector_parts.is_char(builder, window, chr(byte))


def _range(builder: Any, window: Any, first: int, last: int) -> Any:
    if first == last:
        return _byte(builder, window, first)
    return vector_parts.between(builder, window, chr(first), chr(last))


def _controls(builder: Any, window: Any) -> Any:
    """ASCII controls other than tab and line feed."""
    low = builder.icmp_unsigned("<", window, vector_parts.splat(0x20))
    plain = builder.or_(_byte(builder, window, 0x09), _byte(builder, window, 0x0A))
    return builder.or_(builder.and_(low, builder.not_(plain)), _byte(builder, window, 0x7F))


def _misread_latin(builder: Any, loaded: list[Any]) -> Any:
    """U+00C2 to U+00FF before a character that a byte from 0x80 to 0xBF becomes."""
    following = vector_parts.any_of(
        builder, *(_byte(builder, loaded[2], byte) for byte in (0xC2, 0xE2, 0xC5, 0xC6, 0xCB))
    )
    lead = builder.and_(_byte(builder, loaded[0], 0xC3), _range(builder, loaded[1], 0x82, 0xBF))
    return builder.and_(lead, following)


@vector_parts.vector_intrinsic
def odd_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is not ASCII, or a control but tab and line feed."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (window,) = vector_parts.load_windows(context, builder, signature, args)
        wide = builder.icmp_signed("<", window, vector_parts.splat(0))
        return builder.bitcast(builder.or_(wide, _controls(builder, window)), ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_parts.vector_intrinsic
def rare_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is none that plain Chinese has; half as dear as the next.

    Plain are ASCII, Han characters but for few, kana, full-width forms, quotes and dashes. It is
    set wherever suspect_mask is.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        loaded = vector_parts.load_windows(context, builder, signature, args, 3)
        lead, second, third = loaded
        quotes = builder.and_(_byte(builder, second, 0x80), _range(builder, third, 0x90, 0xA7))
        misread = vector_parts.any_of(
            builder, _range(builder, second, 0x88, 0x91), _byte(builder, second, 0x96),
            builder.and_(_byte(builder, second, 0x94), _range(builder, third, 0x9B, 0x9F)),
        )  # fmt: skip
        tones = builder.and_(
            _range(builder, second, 0x80, 0x82), _range(builder, third, 0x99, 0xAF)
        )
        wide = _range(builder, second, 0xBC, 0xBD)
        found = vector_parts.any_of(
            builder,
            _controls(builder, lead),
            _range(builder, lead, 0xC2, 0xE1),
            _range(builder, lead, 0xF0, 0xF4),
            builder.and_(_byte(builder, lead, 0xE2), builder.not_(quotes)),
            builder.and_(_byte(builder, lead, 0xE3), tones),
            builder.and_(_byte(builder, lead, 0xE9), misread),
            builder.and_(_byte(builder, lead, 0xEA), _range(builder, second, 0x99, 0xAF)),
            builder.and_(_byte(builder, lead, 0xEF), builder.not_(wide)),
            vector_parts.sequence(builder, loaded, "烫".encode()),
            vector_parts.sequence(builder, loaded, "屯".encode()),
        )
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_parts.vector_intrinsic
def suspect_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether a character that must be looked at may begin at byte index + i."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        loaded = vector_parts.load_windows(context, builder, signature, args, 3)
        lead, second, third = loaded
        found = [
            _controls(builder, lead),
            _misread_latin(builder, loaded),
            # Hebrew to Thaana and beyond, Indic scripts and Thai, Georgian to Vietnamese.
            _range(builder, lead, 0xD6, 0xE1),
            _range(builder, lead, 0xF1, 0xF4),
            vector_parts.sequence(builder, loaded, b"\xf0\x9f\xbf"),
        ]
        leads = {byte: _byte(builder, lead, byte) for byte in {row[0] for row in _PAIRS + _TRIPLES}}
        for first, low, high in _PAIRS:
            found.append(builder.and_(leads[first], _range(builder, second, low, high)))
        for first, two, low, high in _TRIPLES:
            pair = builder.and_(leads[first], _byte(builder, second, two))
            found.append(builder.and_(pair, _range(builder, third, low, high)))
        return builder.bitcast(vector_parts.any_of(builder, *found), ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_parts.vector_intrinsic
def space_end_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is a space or a tab before a line feed."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        window, following = vector_parts.load_windows(context, builder, signature, args, 2)
        space = builder.or_(_byte(builder, window, 0x20), _byte(builder, window, 0x09))
        found = builder.and_(space, _byte(builder, following, 0x0A))
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_parts.vector_intrinsic
def ampersand_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether byte index + i is `&` before a letter or `#`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        window, following = vector_parts.load_windows(context, builder, signature, args, 2)
        small = builder.or_(following, vector_parts.splat(0x20))
        named = builder.or_(_range(builder, small, 0x61, 0x7A), _byte(builder, following, 0x23))
        return builder.bitcast(builder.and_(_byte(builder, window, 0x26), named), ir.IntType(64))

    return types.uint64(data, types.intp), generate


@vector_parts.vector_intrinsic
def wide_form_mask(_typing: Any, data: Any, _index: Any) -> Any:
    """Bit i tells whether a character from U+FF00 to U+FF7F begins at byte index + i."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lead, second = vector_parts.load_windows(context, builder, signature, args, 2)
        found = builder.and_(_byte(builder, lead, 0xEF), _range(builder, second, 0xBC, 0xBD))
        return builder.bitcast(found, ir.IntType(64))

    return types.uint64(data, types.intp), generate
