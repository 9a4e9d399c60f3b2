"""What an epoch of training is made of: every group of documents and how often it is drawn."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from classifiers import weak
from classifiers.compose import weak_documents
from classifiers.data import (
    ADS,
    HEADS,
    POLITICS,
    PORN,
    QUALITY,
    STEM,
    TOXICITY,
    Document,
    corpus_documents,
    encoded,
    held_out_lines,
    is_of,
    labelled_documents,
    line_keys,
    may_train_on,
    said,
)
from classifiers.disguise import disguised

__all__ = ["PLAN", "Group", "epoch_windows", "training_documents", "training_groups"]


@dataclass(frozen=True, slots=True)
class Group:
    """Documents of one kind, as token ids, and how many windows an epoch draws from them."""

    name: str
    draw_count: int
    ids: tuple[np.ndarray, ...]
    labels: np.ndarray  # (documents, heads)


# Windows drawn an epoch: (name, source prefix, language, head that must be, label, windows).
PLAN: Final[tuple[tuple[str, str, str, int, float, int], ...]] = (
    ("newsgroups politics", "20 News", "en", POLITICS, 1, 2600),
    ("newsgroups other", "20 News", "en", POLITICS, 0, 6000),
    ("titles politics", "THUCNews titles", "zh", POLITICS, 1, 4000),
    ("titles other", "THUCNews titles", "zh", POLITICS, 0, 9000),
    ("title lists politics", "weak: title list", "zh", POLITICS, 1, 1500),
    ("title lists other", "weak: title list", "zh", POLITICS, 0, 1500),
    ("articles politics", "THUCNews", "zh", POLITICS, 1, 1200),
    ("articles other", "THUCNews", "zh", POLITICS, 0, 2500),
    ("abstracts stem", "CLUE", "zh", STEM, 1, 3600),
    ("abstracts other", "CLUE", "zh", STEM, 0, 2400),
    ("docs zh (OI-wiki)", "OI-wiki", "zh", STEM, 1, 1200),
    ("docs zh (d2l)", "d2l-ai", "zh", STEM, 1, 1000),
    ("docs en", "OpenLogic", "en", STEM, 1, 1800),
    ("books", "mlschmitt", "en", STEM, 0, 2600),
    ("LCTT zh", "LCTT", "zh", QUALITY, 1, 1800),
    ("LCTT en", "LCTT", "en", QUALITY, 1, 1000),
    ("poetry", "chinese-poetry", "zh", QUALITY, 1, 500),
    ("speeches", "nltk", "en", POLITICS, 1, 1600),
    ("comment spam", "UCI", "en", QUALITY, 0, 1400),
    ("moderation porn", "openai", "en", PORN, 1, 150),
    ("moderation other", "openai", "en", PORN, 0, 600),
    ("synthetic adult pages", "synthetic", "en", PORN, 1, 600),
    ("adult pages zh", "weak: adult", "zh", PORN, 1, 4000),
    ("adult pages en", "weak: adult", "en", PORN, 1, 1500),
    ("harmless pages zh", "weak: harmless", "zh", PORN, 0, 3000),
    ("harmless pages en", "weak: harmless", "en", PORN, 0, 1800),
    ("spliced adult pages zh", "weak: spliced", "zh", PORN, 1, 1200),
    ("spliced adult pages en", "weak: spliced", "en", PORN, 1, 1200),
    ("spliced harmless pages zh", "weak: spliced", "zh", PORN, 0, 1000),
    ("spliced harmless pages en", "weak: spliced", "en", PORN, 0, 1000),
    ("toxic comments zh", "thu-coai", "zh", TOXICITY, 1, 5000),
    ("mild comments zh", "thu-coai", "zh", TOXICITY, 0, 5000),
    ("toxic comments en", "surge", "en", TOXICITY, 1, 900),
    ("mild comments en", "surge", "en", TOXICITY, 0, 900),
    ("ads zh", "weak: ad", "zh", ADS, 1, 2000),
    ("ads en", "weak: ad", "en", ADS, 1, 900),
    ("lexicon ads zh", "weak: lexicon", "zh", QUALITY, 0, 800),
    ("boilerplate zh", "weak: boilerplate", "zh", QUALITY, 0, 2000),
    ("boilerplate en", "weak: boilerplate", "en", QUALITY, 0, 2000),
    ("damaged zh", "weak: damaged", "zh", QUALITY, 0, 3000),
    ("damaged en", "weak: damaged", "en", QUALITY, 0, 3000),
    ("political news zh", "weak: political news", "zh", POLITICS, 1, 3000),
    ("political news en", "weak: political news", "en", POLITICS, 1, 3000),
    ("other news zh", "weak: other news", "zh", POLITICS, 0, 3000),
    ("other news en", "weak: other news", "en", POLITICS, 0, 3000),
    ("insults zh", "weak: insult", "zh", TOXICITY, 1, 2500),
    ("insults en", "weak: insult", "en", TOXICITY, 1, 1000),
    ("mild talk zh", "weak: mild comment", "zh", TOXICITY, 0, 2500),
    ("mild talk en", "weak: mild comment", "en", TOXICITY, 0, 1000),
    ("offers zh", "weak: offer", "zh", ADS, 1, 3000),
    ("lures zh", "weak: lure", "zh", PORN, 0, 3000),
    ("sexual talk zh", "weak: sexual talk", "zh", PORN, 1, 3000),
)


_DISGUISED_SHARE: Final = 0.2
_DISGUISED_MAX_CHARS: Final = 2000

# Books whose parts serve two heads: a part may lie in one head's train and another's dev rows.
_PARTED: Final = (
    "OI-wiki/OI-wiki",
    "OpenLogicProject/OpenLogic",
    "d2l-ai/d2l-zh",
    "mlschmitt/classic-books-markdown",
    "LCTT/TranslateProject",
)


def training_documents(
    data: Path, seed: int, weak_count: int, without: Sequence[str] = ()
) -> list[Document]:
    """Return all that weights may be trained on: labels, prose of corpus/, weak labels.

    Sources that begin like one of `without` are left out, so that a model can be judged on them.
    """
    dev = labelled_documents(data, "dev", cross=False)
    held_out = held_out_lines(dev)
    dev_texts = {doc.text for doc in dev}
    rows = [
        doc
        for doc in labelled_documents(data, "train", cross=True)
        if may_train_on(doc.license)
        and not is_of(doc, without)
        and doc.text.strip()
        and doc.text not in dev_texts
        and not (doc.source in _PARTED and len(line_keys(doc.text) & held_out) > 1)
        and not (doc.labels[PORN] == 1 and weak.is_banned(doc.text, whole_words=True))
    ]
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    known = dev_texts | {doc.text for doc in rows}
    corpus = [
        doc
        for doc in corpus_documents(data, held_out, rng)
        if doc.text not in known and not is_of(doc, without)
    ]
    documents = rows + corpus
    documents += weak_documents(documents, data / "lexicons", seed + 1, weak_count)
    return [_maybe_disguised(rng, doc) for doc in documents]


def _maybe_disguised(rng: random.Random, doc: Document) -> Document:
    """Return every fifth short document on which porn, ads or toxicity is known in disguise."""
    labels = doc.labels
    if len(doc.text) > _DISGUISED_MAX_CHARS or all(
        math.isnan(labels[head]) for head in (PORN, ADS, TOXICITY)
    ):
        return doc
    if rng.random() >= _DISGUISED_SHARE:
        return doc
    # Disguised text is no good prose, whatever it says.
    rest = dict(zip(HEADS, labels, strict=True)) | {"quality": math.nan}
    return replace(doc, text=disguised(rng, doc.text, doc.lang), labels=said(**rest))


def training_groups(
    documents: Sequence[Document], tokenizer: Tokenizer, window_share: float = 1.0
) -> tuple[Group, ...]:
    """Return the groups of `PLAN` that have documents, each document in the first that fits.

    `window_share` scales the windows that an epoch draws.
    """
    members: list[list[Document]] = [[] for _ in PLAN]
    for doc in documents:
        for at, (_, prefix, lang, head, label, _) in enumerate(PLAN):
            fits = doc.source.startswith(prefix) and doc.lang == lang and doc.labels[head] == label
            if fits:
                members[at].append(doc)
                break
    return tuple(
        Group(
            name=plan[0],
            draw_count=max(1, round(plan[5] * window_share)),
            ids=tuple(encoded(tokenizer, (doc.text for doc in docs))),
            labels=np.array([doc.labels for doc in docs], dtype=np.float32),
        )
        for plan, docs in zip(PLAN, members, strict=True)
        if docs
    )


def _window(rng: np.random.Generator, ids: np.ndarray, max_tokens: int) -> np.ndarray:
    """Return a document's ids or a run of them: scoring meets passages of every length."""
    if len(ids) < 64 or (len(ids) <= max_tokens and rng.random() < 0.5):
        return ids
    longest = min(len(ids), max_tokens)
    size = longest if rng.random() < 0.2 else int(rng.integers(32, min(longest, 192) + 1))
    place = rng.random()
    rest = len(ids) - size
    at = 0 if place < 0.35 else rest if place < 0.6 else int(rng.integers(0, rest + 1))
    return ids[at : at + size]


def epoch_windows(
    groups: Sequence[Group], max_tokens: int, seed: int, epoch: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return one epoch's windows (at most `max_tokens` ids each) and their labels (n, heads).

    Each group gives `draw_count` windows: every document before any comes twice. Long documents
    give their first, last or a random window: scoring reads the first, the last and some between.
    """
    rng = np.random.default_rng((seed, epoch))
    windows: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for group in groups:
        count = len(group.ids)
        rounds = -(-group.draw_count // count)
        order = np.concatenate([rng.permutation(count) for _ in range(rounds)])[: group.draw_count]
        windows += [_window(rng, group.ids[at], max_tokens) for at in order]
        labels.append(group.labels[order])
    return windows, np.concatenate(labels)
