"""Weak labels by frames: news about politics and other things, comments, black-market offers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Final

from classifiers import fragments_news as news
from classifiers import fragments_news_zh as news_zh
from classifiers import fragments_talk as talk
from classifiers.weak import is_banned

__all__ = ["comment", "euphemisms", "headlines", "lure", "offer", "sexual"]

_SLOT: Final = re.compile(r"\{(\w)\}")
_NUMBERS: Final = (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 15, 18, 20, 25, 30, 47, 60, 100, 250, 1000)


def _filled(frame: str, slots: dict[str, Callable[[], str]]) -> str:
    return _SLOT.sub(lambda match: slots[match.group(1)](), frame)


def _digits(rng: random.Random) -> str:
    return str(rng.randrange(10**3, 10 ** rng.randrange(4, 11)))


def _places(rng: random.Random, lang: str) -> dict[str, Callable[[], str]]:
    """Return the slots that stand in news of every field."""
    chinese = lang == "zh"
    cities = news_zh.CITIES_ZH if chinese else news.CITIES_EN
    return {
        "c": lambda: (
            rng.choice(news_zh.COUNTRIES_ZH) if chinese else rng.choice(news.COUNTRIES_EN)[0]
        ),
        "a": lambda: rng.choice(news.COUNTRIES_EN)[1],
        "k": lambda: rng.choice(cities),
        "n": lambda: str(rng.choice(_NUMBERS)),
    }


def _drawn(rng: random.Random, words: Sequence[str]) -> Callable[[], str]:
    return lambda: rng.choice(words)


def _headline(rng: random.Random, lang: str, *, is_politics: bool) -> str:
    slots = _places(rng, lang)
    if is_politics:
        frames, words = news_zh.POLITICS_ZH if lang == "zh" else news.POLITICS_EN
        slots |= {name: _drawn(rng, found) for name, found in words.items()}
    else:
        fields = news_zh.OTHER_NEWS_ZH if lang == "zh" else news.OTHER_NEWS_EN
        frames, subjects = rng.choice(fields)
        slots |= {name: _drawn(rng, subjects) for name in "sp"}
    text = _filled(rng.choice(frames), slots)
    if lang == "zh":
        return rng.choice(news_zh.QUESTIONS_ZH).replace("{h}", text)
    return text[:1].upper() + text[1:]


def headlines(rng: random.Random, lang: str, *, is_politics: bool) -> str:
    """Return one to three made-up headlines or first sentences of news, of politics or none."""
    count = rng.choice((1, 1, 1, 1, 2, 3))
    found = [_headline(rng, lang, is_politics=is_politics) for _ in range(count)]
    return rng.choice((" ", "\n", " - " if lang == "en" else "。")).join(found)


def comment(rng: random.Random, lang: str, *, is_toxic: bool) -> str:
    """Return one or two made-up comments that insult, or that use mild words in the same frames."""
    frames: tuple[str, ...]
    words: tuple[str, ...]
    if lang == "zh":
        frames, about = talk.TALK_ZH, talk.ABOUT_ZH
        words = talk.INSULTS_ZH if is_toxic else talk.MILD_ZH
    else:
        frames, about = talk.TALK_EN, talk.ABOUT_EN
        words = talk.INSULTS_EN if is_toxic else talk.MILD_EN
    slots = {
        "t": _drawn(rng, words),
        "w": _drawn(rng, about),
        "n": lambda: _digits(rng),
    }
    return rng.choice(("，", " ", "\n") if lang == "zh" else (". ", " ", "\n")).join(
        _filled(rng.choice(frames), slots) for _ in range(rng.choice((1, 1, 1, 2)))
    )


def offer(rng: random.Random, goods: Sequence[str] = talk.OFFERS_ZH) -> str:
    """Return one or two made-up Chinese offers of goods and services."""
    slots = {
        "t": _drawn(rng, goods),
        "k": lambda: _filled(rng.choice(talk.CONTACTS_ZH), {"n": lambda: _digits(rng)}),
        "n": lambda: str(rng.choice(_NUMBERS)),
    }
    frames = [rng.choice(talk.OFFER_FRAMES_ZH) for _ in range(rng.choice((1, 1, 1, 2)))]
    return rng.choice(("", " ", "，", "\n")).join(_filled(frame, slots) for frame in frames)


def lure(rng: random.Random) -> str:
    """Return one to three made-up Chinese messages of frauds or of betting sites."""
    is_fraud = rng.random() < 0.5
    frames, names = (
        (talk.FRAUD_ZH, talk.LURES_ZH) if is_fraud else (talk.GAMBLING_ZH, talk.GAMES_ZH)
    )
    slots = {"t": _drawn(rng, names), "n": lambda: str(rng.choice(_NUMBERS))}
    return rng.choice(("", " ", "，", "\n")).join(
        _filled(rng.choice(frames), slots) for _ in range(rng.choice((1, 1, 1, 2, 3)))
    )


def sexual(rng: random.Random, words: Sequence[str]) -> str:
    """Return a made-up Chinese comment or offer with sexual words, without any number.

    A number beside such a word could read as an age.
    """
    own = rng.choices(words, k=rng.choice((1, 2, 4)))
    if rng.random() < 0.4:
        return re.sub(r"\d+", "", offer(rng, own))
    slots = {"t": _drawn(rng, own), "w": _drawn(rng, talk.ABOUT_ZH), "n": lambda: ""}
    frames = [rng.choice(talk.TALK_ZH) for _ in range(rng.choice((1, 1, 2)))]
    return rng.choice(("，", " ", "\n")).join(_filled(frame, slots) for frame in frames)


def euphemisms() -> tuple[str, ...]:
    """Return Chinese words of sexual offers and talk that may be used, as `weak.is_banned` says."""
    return tuple(term for term in talk.EUPHEMISMS_ZH if not is_banned(term))
