"""Phrases that mark boilerplate and gambling, and the table by which they are found."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["BOILERPLATE", "GAMBLING", "PHRASES", "SLOTS", "phrase_table"]

# Lower case. One that starts with a Latin letter matches at the start of a word only. The English
# ones are those of C4 (Raffel et al. 2020) and RefinedWeb (Penedo et al. 2023, appendix G), the
# Chinese ones the chrome of news sites, forums and novel sites.
BOILERPLATE = (
    "terms of use", "terms of service", "privacy policy", "cookie policy", "uses cookies",
    "use of cookies", "use cookies", "all rights reserved", "lorem ipsum", "javascript is",
    "enable javascript", "sign in", "log in to", "sign up", "read more", "click here",
    "items in cart", "add to cart", "subscribe to", "newsletter", "share on facebook",
    "follow us", "skip to content", "skip to main", "leave a comment", "powered by", "加微信",
    "微信号", "扫码", "扫一扫", "关注公众号", "微信公众号", "版权所有", "icp备", "网安备",
    "责任编辑", "免责声明", "转载请注明", "未经授权", "上一篇", "下一篇", "上一章", "下一章",
    "分享到", "相关阅读", "相关推荐", "热门推荐", "猜你喜欢", "点击下载", "点击查看", "点击进入",
    "点击阅读", "客服热线", "联系电话", "在线客服", "返回顶部", "返回首页", "设为首页",
    "加入收藏", "展开全文", "查看更多", "阅读全文", "最新章节", "手机阅读", "本站所有",
)  # fmt: skip

# What pages of bookmakers and casinos say of themselves, and articles about other things do not.
GAMBLING = (
    "现金网", "娱乐城", "贵宾会", "威尼斯人", "博彩", "投注", "棋牌", "百家乐", "真人娱乐",
    "老虎机", "开户送", "注册送", "bt365", "365体育", "新葡京", "葡京", "太阳城娱乐", "永利娱乐",
    "皇冠体育", "时时彩", "六合彩", "彩票平台", "官网登录", "平台注册", "亚博", "万博体育",
    "爱游戏", "乐鱼", "龙虎斗", "牛牛游戏", "捕鱼游戏", "必赢", "金沙娱乐", "彩金", "返水",
    "首存", "赌场", "赌博网", "网赌", "澳门赌", "下注", "盘口", "赔率", "娱乐平台", "电子游艺",
    "体育官方", "体育官网", "开奖结果", "杀号", "真人视讯", "贵宾厅", "送彩", "备用网址",
    "体育app", "online casino", "casino bonus", "free spins", "deposit bonus", "online slots",
    "betting site", "sportsbook",
)  # fmt: skip
assert len(GAMBLING) <= 63

# A power of two: the kernel looks up a slot for what passes its filters.
SLOTS = 4096


def phrase_table(
    *groups: tuple[str, ...],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return groups of phrases as (slots, entries).

    slots[h] is where the list of phrases whose first two characters hash to h starts in `entries`,
    or -1. A list is a row of (length, tag, code points), longest first, and a 0. The tag of a
    phrase of the first group is 0, of the others their number in that group from 1 on.
    """
    slots = np.full(SLOTS, -1, np.int32)
    lists: dict[int, list[tuple[str, int]]] = {}
    for number, group in enumerate(groups):
        for tag, phrase in enumerate(group, 1):
            assert len(phrase) > 1 and phrase == phrase.lower()
            key = (ord(phrase[0]) * 31 + ord(phrase[1])) % SLOTS
            lists.setdefault(key, []).append((phrase, tag if number else 0))
    entries: list[int] = []
    for key, found in lists.items():
        slots[key] = len(entries)
        for phrase, tag in sorted(found, key=lambda entry: -len(entry[0])):
            entries += [len(phrase), tag, *map(ord, phrase)]
        entries.append(0)
    return slots, np.array(entries, np.int32)


PHRASES = phrase_table(BOILERPLATE, GAMBLING)
