"""Phrases that mark a line as boilerplate, matched against decoded text."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit

__all__ = ["BOILERPLATE", "PHRASES", "phrase_table", "starts_phrase"]

# Lower case. One that starts with a Latin letter matches at the start of a word only. The English
# ones are those of C4 (Raffel et al. 2020) and RefinedWeb (Penedo et al. 2023, appendix G), the
# Chinese ones the chrome of news sites, forums and novel sites.
BOILERPLATE = (
    "terms of use", "terms of service", "privacy policy", "cookie policy", "uses cookies",
    "use of cookies", "use cookies", "all rights reserved", "lorem ipsum", "javascript is",
    "enable javascript", "sign in", "log in to", "sign up", "read more", "click here",
    "items in cart", "add to cart", "subscribe to", "newsletter", "share on facebook",
    "follow us", "skip to content", "skip to main", "leave a comment", "powered by",
    "加微信", "微信号", "扫码", "扫一扫", "关注公众号", "微信公众号", "版权所有", "icp备", "网安备",
    "责任编辑", "免责声明", "转载请注明", "未经授权", "上一篇", "下一篇", "上一章", "下一章", "分享到",
    "相关阅读", "相关推荐", "热门推荐", "猜你喜欢", "点击下载", "点击查看", "点击进入", "点击阅读",
    "客服热线", "联系电话", "在线客服", "返回顶部", "返回首页", "设为首页", "加入收藏", "展开全文",
    "查看更多", "阅读全文", "最新章节", "手机阅读", "本站所有",
)  # fmt: skip

_SLOTS = 4096


def phrase_table(phrases: tuple[str, ...]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return `phrases` as (slots, entries).

    slots[h] is where the list of phrases whose first two characters hash to h starts in `entries`,
    or -1. A list is a row of lengths, each followed by so many code points, and a 0.
    """
    slots = np.full(_SLOTS, -1, np.int32)
    lists: dict[int, list[int]] = {}
    for phrase in phrases:
        assert len(phrase) > 1 and phrase == phrase.lower()
        key = (ord(phrase[0]) * 31 + ord(phrase[1])) % _SLOTS
        lists.setdefault(key, []).extend([len(phrase), *map(ord, phrase)])
    entries: list[int] = []
    for key, entry in lists.items():
        slots[key] = len(entries)
        entries += [*entry, 0]
    return slots, np.array(entries, np.int32)


PHRASES = phrase_table(BOILERPLATE)


@njit
def _lowered(code: Any) -> Any:
    return np.int64(code) + 32 if 65 <= code <= 90 else np.int64(code)


@njit
def _matches(codes: Any, i: Any, stop: Any, entries: Any, at: Any) -> Any:
    size = entries[at]
    if i + size > stop:
        return False
    for k in range(size):
        if _lowered(codes[i + k]) != entries[at + 1 + k]:
            return False
    return True


@njit
def starts_phrase(codes: Any, i: Any, stop: Any, slots: Any, entries: Any) -> Any:
    """Tell whether one of the phrases stands at codes[i] and ends before `stop`."""
    if i + 1 >= stop:
        return False
    at = slots[(_lowered(codes[i]) * 31 + _lowered(codes[i + 1])) % slots.size]
    while at >= 0 and entries[at]:
        if _matches(codes, i, stop, entries, at):
            return True
        at += entries[at] + 1
    return False
