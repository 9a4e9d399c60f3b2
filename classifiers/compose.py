"""Weak labels: documents composed of `weak` pages, with what each kind says for each head."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from classifiers import fragments as f
from classifiers import weak, weak_talk
from classifiers.data import POLITICS, PORN, QUALITY, Document, said

__all__ = ["weak_documents"]

_TECHNICAL: Final = ("LCTT", "OI-wiki", "d2l-ai", "OpenLogic")


def _clean_terms(documents: Sequence[Document], rng: random.Random) -> dict[str, list[str]]:
    """Return everyday words and phrases, by language, that fill the frames of harmless pages."""
    terms: dict[str, set[str]] = {"zh": set(), "en": set()}
    for doc in documents:
        if doc.labels[PORN] == 0 and doc.source.startswith(("THUCNews", "CLUE")):
            for clause in re.findall(r"[\u4e00-\u9fff]{2,}", doc.text[:120]):
                size = rng.choice((2, 2, 3, 4, 5))
                at = rng.randrange(max(1, len(clause) - size + 1))
                terms["zh"].add(clause[at : at + size])
        elif doc.labels[PORN] == 0 and doc.source.startswith(
            ("20 News", "mlschmitt", "LCTT", "Open")
        ):
            words = re.findall(r"[A-Za-z]{3,}", doc.text[:1500])
            for _ in range(min(6, len(words))):
                at = rng.randrange(len(words))
                terms["en"].add(" ".join(words[at : at + rng.choice((1, 1, 2))]).lower())
    return {lang: sorted(found) for lang, found in terms.items()}


def _headlines(documents: Sequence[Document]) -> dict[str, list[str]]:
    english = [doc for doc in documents if doc.lang == "en" and doc.labels[QUALITY] == 1]
    lines = (line.strip() for doc in english for line in doc.text[:3000].splitlines())
    return {
        "zh": [doc.text for doc in documents if doc.source.startswith("THUCNews titles")],
        "en": sorted({" ".join(x.split()[:9]) for x in lines if len(x) > 24}),
    }


def _passage(rng: random.Random, doc: Document) -> str:
    size = rng.randrange(60, 420) if doc.lang == "zh" else rng.randrange(200, 1300)
    at = rng.randrange(max(1, len(doc.text) - size))
    return doc.text[at : at + size]


def _title_list(rng: random.Random, titles: Sequence[Document]) -> Document:
    picked = rng.sample(titles, rng.randrange(3, 14))
    text = rng.choice(("\n", "\n", " ", "。", " | ")).join(doc.text for doc in picked)
    return replace(
        picked[0],
        text=text,
        source="weak: title list",
        license="composed",
        labels=said(quality=0, porn=0, politics=picked[0].labels[POLITICS], ads=0, toxicity=0),
    )


@dataclass(frozen=True, slots=True)
class _Stock:
    """What the pages of one language are composed of."""

    lang: str
    adult: tuple[str, ...]
    marks: tuple[str, ...]
    clean: list[str]
    ads: tuple[str, ...]
    adverts: tuple[str, ...]
    headlines: list[str]
    prose: list[Document]
    technical: list[Document]


def _stock(lang: str, documents: Sequence[Document], lexicons: Path, rng: random.Random) -> _Stock:
    zh = lang == "zh"
    prose = [doc for doc in documents if doc.lang == lang and doc.labels[QUALITY] == 1]
    own_ads = f.AD_TERMS_ZH if zh else f.AD_TERMS_EN
    return _Stock(
        lang=lang,
        adult=weak.adult_terms(lexicons, lang),
        marks=f.ADULT_MARKS_ZH if zh else f.ADULT_MARKS_EN,
        clean=_clean_terms(documents, rng)[lang],
        ads=own_ads,
        adverts=own_ads + (weak.advert_terms(lexicons) if zh else ()),
        headlines=_headlines(documents)[lang],
        prose=prose,
        technical=[doc for doc in prose if doc.source.startswith(_TECHNICAL)],
    )


def _pages(stock: _Stock, rng: random.Random) -> dict[str, tuple[str, tuple[float, ...]]]:
    """Return one text of each kind and its labels."""
    lang = stock.lang
    adult, clean = weak.page(rng, lang, stock.adult, stock.marks), weak.page(rng, lang, stock.clean)
    prose = _passage(rng, rng.choice(stock.prose))
    # Prose around adult terms is technical, so about no person, and passes the rule for terms.
    allowed = weak.without_banned(_passage(rng, rng.choice(stock.technical)))
    return {
        "adult page": (adult, said(quality=0, porn=1, stem=0)),
        "harmless page": (clean, said(quality=0, porn=0, toxicity=0)),
        "spliced adult page": (weak.spliced(rng, allowed, adult), said(porn=1)),
        "spliced harmless page": (weak.spliced(rng, prose, clean), said(porn=0)),
        "ad": (
            weak.ad_page(rng, lang, stock.ads),
            said(quality=0, porn=0, politics=0, ads=1, toxicity=0, stem=0),
        ),
        # The advertising lexicons hold some adult services: no porn label on those.
        "lexicon ad": (
            weak.ad_page(rng, lang, stock.adverts),
            said(quality=0, politics=0, ads=1, stem=0),
        ),
        "boilerplate": (
            weak.boilerplate_page(rng, lang, stock.headlines),
            said(quality=0, porn=0, ads=0, toxicity=0),
        ),
        "damaged": (
            weak.damaged(rng, _passage(rng, rng.choice(stock.prose))),
            said(quality=0, porn=0, ads=0),
        ),
        **_talk(stock, rng),
    }


def _talk(stock: _Stock, rng: random.Random) -> dict[str, tuple[str, tuple[float, ...]]]:
    """Return news, comments and, in Chinese, black-market and sexual offers, with their labels.

    That a line is sexual says nothing about insults, and coarse insults are no pornography.
    """
    lang = stock.lang
    clean = {"porn": 0.0, "ads": 0.0}
    found = {
        "political news": (
            weak_talk.headlines(rng, lang, is_politics=True),
            said(**clean, politics=1, toxicity=0, stem=0),
        ),
        "other news": (
            weak_talk.headlines(rng, lang, is_politics=False),
            said(**clean, politics=0, toxicity=0),
        ),
        "insult": (weak_talk.comment(rng, lang, is_toxic=True), said(**clean, toxicity=1, stem=0)),
        "mild comment": (
            weak_talk.comment(rng, lang, is_toxic=False),
            said(**clean, politics=0, toxicity=0, stem=0),
        ),
    }
    if lang == "zh":
        harmless = {"quality": 0.0, "politics": 0.0, "stem": 0.0}
        words = (*weak_talk.euphemisms(), *stock.adult)
        found["offer"] = (weak_talk.offer(rng), said(**harmless, porn=0, ads=1, toxicity=0))
        # Frauds and betting sites advertise as often as not.
        found["lure"] = (weak_talk.lure(rng), said(**harmless, porn=0, toxicity=0))
        found["sexual talk"] = (weak_talk.sexual(rng, words), said(**harmless, porn=1))
    return found


def weak_documents(
    documents: Sequence[Document], lexicons: Path, seed: int, count: int
) -> list[Document]:
    """Return composed documents, at most `count` of each kind and language, the same for a seed.

    `documents` are the rows that may be trained on; they lend titles, words and passages.
    """
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    made: list[Document] = []
    titles = [doc for doc in documents if doc.source.startswith("THUCNews titles")]
    for politics in (1.0, 0.0):
        pool = [doc for doc in titles if doc.labels[POLITICS] == politics]
        made += [_title_list(rng, pool) for _ in range(count if len(pool) > 14 else 0)]
    for lang in ("zh", "en"):
        stock = _stock(lang, documents, lexicons, rng)
        for _ in range(count):
            for kind, (text, labels) in _pages(stock, rng).items():
                if labels[PORN] != 1 or not weak.is_banned(text, whole_words=True):
                    made.append(Document(text, lang, f"weak: {kind}", "composed", labels))
    return made
