"""Weak labels: texts composed of lexicon terms, page furniture and damaged documents.

No generated text tells a story: it is titles, tags, links, notices and lists. A lexicon term that
has to do with age, school, family or minors is dropped before any use (`is_banned`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from classifiers import fragments as f

__all__ = [
    "ad_page",
    "adult_terms",
    "advert_terms",
    "boilerplate_page",
    "damaged",
    "is_banned",
    "page",
    "spliced",
    "without_banned",
]

_DIGITS: Final = re.compile(r"\d")
# Any character of these drops a Chinese term; far too wide on purpose (half the terms go).
_BANNED_CHARACTERS: Final = (
    "幼童少孩学學萝蘿罗羅莉洛丽初小校妹弟姐姊哥儿兒母父妈媽爸爷爺奶叔伯姑姨舅嫂婶嬸侄姪甥孙孫"
    "伦倫娃婴嬰岁歲龄齡稚嫩雏雛处處师師生未正太家亲親妻夫婆媳岳爹娘公老年春纯純控孕胎班课課"
    "级級制萌丫丁十"
)
_BANNED_PARTS_ZH: Final = (
    "高中",
    "中学",
    "中专",
    "大一",
    "花季",
    "豆蔻",
    "女友",
    "邻居",
    "乱",
    "亂",
)
_BANNED_STEMS_EN: Final = (
    "teen|young|youth|juven|minor|child|kid|girl|boy|bab[ey]|infant|toddl|lol[ai]|lolit|shota|school"
    "|student|pupil|teach|tutor|class|college|campus|coed|cheer|uniform|junior|legal|jail|bait|virgin"
    "|innoc|nymph|twink|cub|petite|tiny|little|small|old|age|year|birth|diaper|incest|family|famil"
    "|mother|mom|mum|milf|mama|dad|papa|father|parent|son|daughter|sis|bro|step|cousin|aunt|uncle"
    "|niece|nephew|grand|grann|wife|husband|ped[oe]|paed|hebe|pthc|ptsc|underag|barely|fresh|lass"
    "|scout|nanny|sitter|orphan|puber|tween|luoli|xuesheng|youtong|jk"
)
_BANNED_EN: Final = re.compile(_BANNED_STEMS_EN, re.IGNORECASE)
_BANNED_WORDS_EN: Final = re.compile(
    r"\b(?:teen\w*|young\w*|youth\w*|juven\w*|minors?|child\w*|kids?|kiddy|girls?|boys?|bab(?:y|ies)"
    r"|infants?|toddlers?|lol[ai]\w*|lolit\w*|shota\w*|school\w*|students?|pupils?|teacher\w*"
    r"|college|campus|coeds?|virgin\w*|petite|underage\w*|incest\w*|famil\w*|mothers?|moms?|mummy"
    r"|mommy|dads?|daddy|fathers?|parents?|sons?|daughters?|sisters?|brothers?|step\w+|cousins?"
    r"|lads?|lass\w*|maidens?|adolescen\w*|orphan\w*|pube\w*|tween\w*|grand\w+|nurser\w*|class\w*"
    r"|aunts?|uncles?|nieces?|nephews?|pedo\w*|paedo\w*|preteen\w*|jail ?bait|years? old|y/?o"
    r"|1[0-8]|\d+ ?(?:yo|yrs?|years?))\b",
    re.IGNORECASE,
)
_ADULT_ZH: Final = (
    "konsheng/色情类型.txt", "konsheng/色情词库.txt", "fwwdn/色情类.txt", "ldnoobw/zh",
)  # fmt: skip
_MIXED_ZH: Final = (
    "konsheng/零时-Tencent.txt", "konsheng/网易前端过滤敏感词库.txt", "konsheng/补充词库.txt",
)  # fmt: skip
_TERM_EDGE: Final = ",，、;； \t\r\n\ufeff"
_LETTERS: Final = re.compile(r"[A-Za-z]")
_SPACED: Final = (" ", "*", ".", "-", "_", "丶")


def is_banned(text: str, *, whole_words: bool = False) -> bool:
    """Say whether a text has to do with age, school, family or minors, erring towards yes.

    With `whole_words`, English stems count only as words of their own (for running text, where
    "page" must pass); Chinese characters count everywhere in both modes.
    """
    if any(char in _BANNED_CHARACTERS for char in text):
        return True
    if any(part in text for part in _BANNED_PARTS_ZH):
        return True
    if whole_words:
        return _BANNED_WORDS_EN.search(text) is not None
    return _BANNED_EN.search(text) is not None or _DIGITS.search(text) is not None


def _terms(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.strip(_TERM_EDGE) for line in lines]


def adult_terms(lexicons: Path, lang: str) -> tuple[str, ...]:
    """Return the sorted adult terms that may be used, of the lexicons in one language (zh, en).

    Left out: everything `is_banned`, single characters, and Chinese terms with Latin letters. Of
    the mixed Chinese lists those terms are taken that hold a term of an adult list.
    """
    if lang == "en":
        return tuple(sorted(filter(_is_usable, _terms(lexicons / "ldnoobw/en"))))
    known = {term for name in _ADULT_ZH for term in _terms(lexicons / name)}
    kept = {term for term in known if _is_usable(term) and not _LETTERS.search(term)}
    mixed = {term for name in _MIXED_ZH for term in _terms(lexicons / name)}
    kept |= {
        term
        for term in mixed
        if _is_usable(term)
        and not _LETTERS.search(term)
        and any(term[i:j] in kept for i in range(len(term)) for j in range(i + 2, len(term) + 1))
    }
    return tuple(sorted(kept))


@lru_cache(maxsize=1 << 17)  # the lists share many terms, and each is read more than once
def _is_usable(term: str) -> bool:
    return 2 <= len(term) <= 24 and not is_banned(term)


def advert_terms(lexicons: Path) -> tuple[str, ...]:
    """Return the sorted Chinese advertising terms, without banned and adult ones."""
    found = {
        term
        for name in ("konsheng/广告类型.txt", "fwwdn/广告.txt")
        for term in _terms(lexicons / name)
    }
    adult = set(adult_terms(lexicons, "zh"))
    return tuple(sorted(t for t in found if len(t) >= 2 and not is_banned(t) and t not in adult))


def _number(rng: random.Random) -> str:
    return str(rng.randrange(1, 10 ** rng.randrange(1, 9)))


def _filled(frame: str, slots: dict[str, Callable[[], str]]) -> str:
    return re.sub(r"\{(\w)\}", lambda match: slots[match.group(1)](), frame)


def _disguised(rng: random.Random, term: str) -> str:
    if rng.random() < 0.15 and len(term) < 8:
        return rng.choice(_SPACED).join(term)
    return term


def page(rng: random.Random, lang: str, terms: Sequence[str], marks: Sequence[str] = ()) -> str:
    """Return the title, tags, links or list of a made-up page about `terms`.

    `marks` are words that name the kind of site; one is put in at times.
    """
    frames = f.PAGE_FRAMES_ZH if lang == "zh" else f.PAGE_FRAMES_EN
    own = rng.sample(terms, min(len(terms), rng.choice((2, 4, 8, 16, 32))))
    # Numbers never enter a page of terms: a number beside an adult term could read as an age.
    slots = {"t": lambda: _disguised(rng, rng.choice(own)), "n": lambda: ""}
    line_count = rng.choice((1, 1, 1, 2, 3, 5, 8, 14))
    lines = [_filled(rng.choice(frames), slots) for _ in range(line_count)]
    if marks and rng.random() < 0.25:
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(marks))
    if rng.random() < 0.2:
        joiner = "" if lang == "zh" else " "
        lines.append(joiner.join(rng.choice((" ", ",", "|", "")) + t for t in own))
    return rng.choice(("\n", "\n", " ", " - ")).join(lines)


def ad_page(rng: random.Random, lang: str, terms: Sequence[str]) -> str:
    """Return one to a dozen made-up advertising lines about `terms`."""
    frames = f.AD_FRAMES_ZH if lang == "zh" else f.AD_FRAMES_EN
    own = rng.sample(terms, min(len(terms), rng.choice((2, 3, 6, 12))))
    slots = {"t": lambda: _disguised(rng, rng.choice(own)), "n": lambda: _number(rng)}
    line_count = rng.choice((1, 1, 1, 2, 3, 6, 12))
    return rng.choice(("\n", " ")).join(
        _filled(rng.choice(frames), slots) for _ in range(line_count)
    )


def boilerplate_page(rng: random.Random, lang: str, headlines: Sequence[str]) -> str:
    """Return navigation, notices, comment threads and link lists without a running text."""
    zh = lang == "zh"
    navigation = f.NAVIGATION_ZH if zh else f.NAVIGATION_EN
    notices = f.BOILERPLATE_ZH if zh else f.BOILERPLATE_EN
    comments = f.COMMENTS_ZH if zh else f.COMMENTS_EN
    slots = {"h": lambda: rng.choice(headlines), "n": lambda: _number(rng)}
    lines: list[str] = []
    for _ in range(rng.choice((1, 2, 3, 5, 8, 12))):
        kind = rng.choice(("navigation", "notices", "comments", "headlines", "column"))
        count = rng.randrange(2, 12)
        if kind == "navigation":
            lines.append(
                rng.choice((" | ", " ", " · ", "  ", " > ")).join(rng.choices(navigation, k=count))
            )
        elif kind == "column":
            lines += rng.choices(navigation, k=count)
        elif kind == "notices":
            lines += [_filled(rng.choice(notices), slots) for _ in range(count // 2 + 1)]
        elif kind == "comments":
            lines += rng.choices(comments, k=count // 2 + 1)
        else:
            lines += [rng.choice(headlines) for _ in range(count)]
    return "\n".join(lines)


def without_banned(text: str) -> str:
    """Return the clauses of a passage that are not `is_banned` as running text."""
    clauses = re.split(r"(?<=[,.;:，。；：、!?！？\n])", text)
    return "".join(clause for clause in clauses if not is_banned(clause, whole_words=True))


def spliced(rng: random.Random, prose: str, lines: str) -> str:
    """Return prose with a page's lines put in between, as hacked and sponsored pages have them."""
    clauses = re.split(r"(?<=[.。!?！？\n])", prose)
    for line in lines.split("\n"):
        clauses.insert(rng.randrange(len(clauses) + 1), f"\n{line}\n")
    return "".join(clauses)


def _shuffled_words(rng: random.Random, text: str) -> str:
    units = text.split() if text.count(" ") * 12 > len(text) else re.findall(r".{1,3}", text)
    rng.shuffle(units)
    return (" " if text.count(" ") * 12 > len(text) else "").join(units)


def _shuffled_lines(rng: random.Random, text: str) -> str:
    parts = [p for p in re.split(r"(?<=[,.;:，。；：、!?！？\n])", text) if p.strip()]
    rng.shuffle(parts)
    return rng.choice(("", "\n")).join(part[: rng.randrange(4, 60)] for part in parts)


def _mojibake(rng: random.Random, text: str) -> str:
    if text.isascii():
        chars = [c if rng.random() > 0.12 else rng.choice("ÃÂâ€™œ�¤¿½") for c in text]
        return "".join(chars)
    if rng.random() < 0.5:
        return text.encode("utf-8").decode("gb18030", errors="replace")
    return text.encode("gb18030", errors="replace").decode("latin-1")


def _stripped(rng: random.Random, text: str) -> str:
    bare = re.sub(r"[^\w\s]", "", text).lower()
    return " ".join(bare.split()) if rng.random() < 0.5 else "".join(bare.split("\n"))


def _repeated(rng: random.Random, text: str) -> str:
    parts = [p for p in re.split(r"(?<=[.。!?！？\n])", text) if len(p.strip()) > 3] or [text]
    kept = parts[: rng.choice((1, 2, 3))]
    joined = "".join(kept)[:300]
    return joined * max(2, len(text) // max(1, len(joined)))


def _keywords(rng: random.Random, text: str) -> str:
    words = re.findall(r"[A-Za-z]{3,}|[\u4e00-\u9fff]{2,5}", text)
    rng.shuffle(words)
    joiner = rng.choice((", ", "，", " ", "|", "_", "\n"))
    return joiner.join(words[: rng.randrange(6, 120)] or [text])


_DAMAGES: Final = (
    _shuffled_words, _shuffled_lines, _mojibake, _stripped, _repeated, _keywords, _keywords,
)  # fmt: skip


def damaged(rng: random.Random, text: str) -> str:
    """Return a text spoilt in word order, line order, encoding or signs, looped, or as a list."""
    return rng.choice(_DAMAGES)(rng, text)
