"""The shapes that personal data may have, and the words that point to it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = [
    "AREA",
    "CARD",
    "CUES",
    "CUE_BYTES",
    "CUE_LENGTHS",
    "CUE_NEEDS",
    "CUE_SHAPES",
    "CUE_WINDOW",
    "DIALLED",
    "EMAIL",
    "IPV4",
    "IPV6",
    "LANDLINE",
    "LATIN_CUES",
    "LONG",
    "MOBILE",
    "NANP",
    "NOTHING",
    "PASSPORT",
    "PLATE",
    "QQ",
    "SOLID",
    "WECHAT",
]

NOTHING = 0
EMAIL = 1
IPV6 = 2
IPV4 = 3
DIALLED = 4  # + or 0086 and 8 to 20 digits
MOBILE = 5  # 11 digits from 1 on, solid or 3-4-4
LONG = 6  # 14 to 19 digits, or 17 and X
CARD = 7  # groups as on bank cards
LANDLINE = 8  # 0xx or 0xxx, a separator, 7 or 8 digits
AREA = 9  # (0xx) or (xxx), 7 or 8 digits
SOLID = 10  # 10 to 12 digits from 0 on
NANP = 11  # 3-3-4
WECHAT, QQ, PASSPORT = 12, 13, 14  # a cue word
PLATE = 15

# Cue word -> shape, and how many digits (WeChat: letters, digits, underscores, dashes) in a row
# must stand within the CUE_WINDOW bytes behind it for a closer look.
CUES: dict[str, tuple[int, int]] = {
    "微信": (WECHAT, 6),
    "wechat": (WECHAT, 6),
    "weixin": (WECHAT, 6),
    "wx": (WECHAT, 6),
    "vx": (WECHAT, 6),
    "qq": (QQ, 5),
    "扣扣": (QQ, 5),
    "护照": (PASSPORT, 6),
    "護照": (PASSPORT, 6),
    "passport": (PASSPORT, 6),
}
CUE_WINDOW = 48


def _table() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    words = [word.encode() for word in CUES]
    table = np.zeros((len(words), max(map(len, words))), np.uint8)
    for row, word in enumerate(words):
        table[row, : len(word)] = list(word)
    return table, np.array([len(word) for word in words])


CUE_BYTES, CUE_LENGTHS = _table()
CUE_SHAPES = np.array([shape for shape, _ in CUES.values()])
CUE_NEEDS = np.array([needed for _, needed in CUES.values()])
LATIN_CUES = np.array([word.isascii() for word in CUES])
