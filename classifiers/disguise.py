"""Texts written so that word filters miss them: spaced, in look-alikes, leet or homophones.

Spam and abuse are written like this on purpose; training rows of either class are, so that the
disguise alone says nothing. The tables are short lists of common substitutions, not complete.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["HOMOPHONES", "LEET", "LOOK_ALIKES", "disguised"]

LEET: Final[Mapping[str, str]] = {
    "a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!", "l": "1|", "o": "0", "s": "5$", "t": "7",
    "z": "2",
}  # fmt: skip
# Cyrillic and Greek letters that look like Latin ones (Unicode Technical Standard 39).
LOOK_ALIKES: Final[Mapping[str, str]] = {
    "a": "а", "c": "с", "e": "е", "i": "і", "j": "ј", "o": "οо", "p": "р", "s": "ѕ", "x": "х",
    "y": "у", "A": "АΑ", "B": "ВΒ", "E": "ЕΕ", "H": "НΗ", "K": "КΚ", "M": "МΜ", "O": "ОΟ",
    "P": "РΡ", "T": "ТΤ", "X": "ХΧ",
}  # fmt: skip
# A character of contacts, prices, services or insults, then what stands for it by sound or shape.
_GROUPS: Final = """
加伽家茄 微薇徽威溦 信芯心 群裙峮 钱乾前 赚撰 票飘缥 赌睹肚 博搏薄 彩采菜踩
代带贷 办瓣 证正証 发發伐 送诵 充冲 值直 领岭 款宽 号皓 卖麦 买埋 约曰 色涩铯
情清晴 黄潢璜 片骗 裸倮 淫银婬 骚搔臊 傻煞 逼笔比 滚衮 死4 狗苟犬 猪朱 贱箭 婊表
蠢春 垃辣 圾鸡 脑瑙 智制 的滴哒 你妮伱 我莪窝 是似昰 不布卟 了叻 人亻仁 看砍
视市 频瀕 网輞冈 站占 联连 系细 电點 话画 服伏 务悟 小晓 大达 一壹① 二贰② 三叁③
四肆 五伍
"""
HOMOPHONES: Final[Mapping[str, str]] = {group[0]: group[1:] for group in _GROUPS.split()}
_SEPARATORS: Final = (" ", ".", "*", "-", "_", "·", "丶", "/", "~", "♥", "★")
_RUNS: Final = re.compile(r"[A-Za-z]{3,}|[\u4e00-\u9fff]{2,}")
_LATIN: Final = re.compile(r"[A-Za-z]{3,}")
_FULL_WIDTH: Final = {at: at + 0xFEE0 for at in range(0x21, 0x7F)}


def _in_words(
    rng: random.Random, text: str, pattern: re.Pattern[str], change: Callable[[str], str]
) -> str:
    """Return the text with a share of its words changed, the share drawn from 0.2 to 0.8."""
    share = rng.uniform(0.2, 0.8)
    return pattern.sub(
        lambda found: change(found.group()) if rng.random() < share else found.group(), text
    )


def _spaced(rng: random.Random, text: str) -> str:
    separator = rng.choice(_SEPARATORS)
    return _in_words(rng, text, _RUNS, separator.join)


def _by_table(rng: random.Random, text: str, table: Mapping[str, str]) -> str:
    share = rng.uniform(0.3, 0.9)

    def change(char: str) -> str:
        others = table.get(char)
        return rng.choice(others) if others and rng.random() < share else char

    return "".join(map(change, text))


def _leet(rng: random.Random, text: str) -> str:
    return _in_words(rng, text, _LATIN, lambda word: _by_table(rng, word.lower(), LEET))


def _look_alike(rng: random.Random, text: str) -> str:
    return _in_words(rng, text, _LATIN, lambda word: _by_table(rng, word, LOOK_ALIKES))


def _full_width(rng: random.Random, text: str) -> str:  # noqa: ARG001 - one of several ways
    return text.translate(_FULL_WIDTH)


def _homophones(rng: random.Random, text: str) -> str:
    return _by_table(rng, text, HOMOPHONES)


_ENGLISH: Final = (_spaced, _leet, _leet, _look_alike, _full_width)
_CHINESE: Final = (_spaced, _homophones, _homophones, _full_width)


def disguised(rng: random.Random, text: str, lang: str) -> str:
    """Return a text in one of the disguises of its language (zh, else Latin letters).

    One with nothing to change comes back as it is.
    """
    return rng.choice(_CHINESE if lang == "zh" else _ENGLISH)(rng, text)
