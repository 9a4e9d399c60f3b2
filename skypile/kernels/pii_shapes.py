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
    "CUE_ROWS",
    "CUE_SHAPES",
    "CUE_WINDOW",
    "CUE_WORDS",
    "DIALLED",
    "DOTS",
    "EMAIL",
    "EMBASSY",
    "IPV4",
    "IPV6",
    "LANDLINE",
    "LATIN_FIRST",
    "LATIN_LAST",
    "LONG",
    "MOBILE",
    "NANP",
    "NOTHING",
    "PASSPORT",
    "PLATE",
    "PLATED",
    "QQ",
    "REGION",
    "SOLID",
    "WECHAT",
]

NOTHING = 0
EMAIL = 1
IPV6 = 2
IPV4 = 3
DIALLED = 4  # +, 00 or 86 and a sign, and 8 to 20 digits
MOBILE = 5  # 11 digits from 1 on, as one run or up to three; or 13 from 861 on
LONG = 6  # 14 to 19 digits, or 17 and X; 6-8-4
CARD = 7  # groups as on bank cards
LANDLINE = 8  # 0xx or 0xxx, a separator, 7 or 8 digits
AREA = 9  # (0x), (0xx) or (xxx), 7 or 8 digits
SOLID = 10  # 10 to 12 digits from 0 on
NANP = 11  # 3-3-4, or 10 digits from 2 on
WECHAT, QQ, PASSPORT = 12, 13, 14  # a cue word
PLATE = 15
REGION = 16  # 8xx and 8 digits; 0x-xxxx-xxxx, 0x-xxx-xxxx, 0xxx-xxx-xxx
PLATED, EMBASSY = 17, 18  # cue words of plates

# Dots between the two parts of a plate: U+00B7, U+2022, U+2027, U+2219, U+30FB.
DOTS = ("·", "•", "‧", "∙", "・")

# Cue word -> shape, and how many digits in a row (WeChat: letters, digits, underscores, dashes;
# passports and plates: digits in all) must stand within the CUE_WINDOW bytes behind it for a closer
# look. A word that others begin with stands behind these.
CUES: dict[str, tuple[int, int]] = {
    "微信": (WECHAT, 6),
    "加微": (WECHAT, 6),
    "薇信": (WECHAT, 6),
    "薇": (WECHAT, 6),
    "徽信": (WECHAT, 6),
    "威信": (WECHAT, 6),
    "卫星": (WECHAT, 6),
    "wechatid": (WECHAT, 6),
    "wechat": (WECHAT, 6),
    "weixin": (WECHAT, 6),
    "wx": (WECHAT, 6),
    "vx": (WECHAT, 6),
    "v信": (WECHAT, 6),
    "v号": (WECHAT, 6),
    "v：": (WECHAT, 6),
    "v:": (WECHAT, 6),
    "加v": (WECHAT, 6),
    "+v": (WECHAT, 6),
    "qqgroup": (QQ, 5),
    "qq": (QQ, 5),
    "扣扣": (QQ, 5),
    "扣": (QQ, 5),
    "企鹅": (QQ, 5),
    "q群": (QQ, 5),
    "q号": (QQ, 5),
    "q：": (QQ, 5),
    "q:": (QQ, 5),
    "加q": (QQ, 5),
    "+q": (QQ, 5),
    "护照": (PASSPORT, 5),
    "護照": (PASSPORT, 5),
    "passportnumber": (PASSPORT, 5),
    "passportno": (PASSPORT, 5),
    "passport": (PASSPORT, 5),
    "牌": (PLATED, 3),
    "platenumber": (PLATED, 3),
    "plateno": (PLATED, 3),
    "plate": (PLATED, 3),
    "使": (EMBASSY, 3),
}
CUE_WINDOW = 48


def _table() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    words = [word.encode() for word in CUE_WORDS]
    table = np.zeros((len(words), max(map(len, words))), np.uint8)
    for row, word in enumerate(words):
        table[row, : len(word)] = list(word)
    return table, np.array([len(word) for word in words])


CUE_WORDS = sorted(CUES, key=lambda word: word.encode()[0])
CUE_BYTES, CUE_LENGTHS = _table()
CUE_SHAPES = np.array([CUES[word][0] for word in CUE_WORDS])
CUE_NEEDS = np.array([CUES[word][1] for word in CUE_WORDS])
# The rows of the cues that begin with a byte are CUE_ROWS[byte] to CUE_ROWS[byte + 1].
CUE_ROWS = np.searchsorted(CUE_BYTES[:, 0], np.arange(257))
# Cues that begin or end with a letter are whole words.
LATIN_FIRST = np.array([word[0].isascii() and word[0].isalpha() for word in CUE_WORDS])
LATIN_LAST = np.array([word[-1].isascii() and word[-1].isalpha() for word in CUE_WORDS])
