"""What an epoch of training is made of: every group of documents and how often it is drawn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from classifiers import weak
from classifiers.compose import weak_documents
from classifiers.data import (
    Document,
    comment_documents,
    corpus_documents,
    encoded,
    held_out_lines,
    labelled_documents,
    line_keys,
    may_train_on,
)

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
    ("newsgroups politics", "20 News", "en", 2, 1, 2600),
    ("newsgroups other", "20 News", "en", 2, 0, 6000),
    ("titles politics", "THUCNews titles", "zh", 2, 1, 4000),
    ("titles other", "THUCNews titles", "zh", 2, 0, 9000),
    ("title lists politics", "weak: title list", "zh", 2, 1, 1500),
    ("title lists other", "weak: title list", "zh", 2, 0, 1500),
    ("articles politics", "THUCNews", "zh", 2, 1, 1200),
    ("articles other", "THUCNews", "zh", 2, 0, 2500),
    ("abstracts stem", "CLUE", "zh", 3, 1, 3600),
    ("abstracts other", "CLUE", "zh", 3, 0, 2400),
    ("docs zh (OI-wiki)", "OI-wiki", "zh", 3, 1, 1200),
    ("docs zh (d2l)", "d2l-ai", "zh", 3, 1, 1000),
    ("docs en", "OpenLogic", "en", 3, 1, 1800),
    ("books", "mlschmitt", "en", 3, 0, 2600),
    ("LCTT zh", "LCTT", "zh", 0, 1, 1800),
    ("LCTT en", "LCTT", "en", 0, 1, 1000),
    ("poetry", "chinese-poetry", "zh", 0, 1, 500),
    ("speeches", "nltk", "en", 2, 1, 1600),
    ("comment spam", "UCI", "en", 0, 0, 1400),
    ("moderation porn", "openai", "en", 1, 1, 150),
    ("moderation other", "openai", "en", 1, 0, 600),
    ("synthetic adult pages", "synthetic", "en", 1, 1, 600),
    ("adult pages zh", "weak: adult", "zh", 1, 1, 4000),
    ("adult pages en", "weak: adult", "en", 1, 1, 1500),
    ("harmless pages zh", "weak: harmless", "zh", 1, 0, 3000),
    ("harmless pages en", "weak: harmless", "en", 1, 0, 1800),
    ("spliced adult pages zh", "weak: spliced", "zh", 1, 1, 1200),
    ("spliced adult pages en", "weak: spliced", "en", 1, 1, 1200),
    ("spliced harmless pages zh", "weak: spliced", "zh", 1, 0, 1000),
    ("spliced harmless pages en", "weak: spliced", "en", 1, 0, 1000),
    ("comments zh", "thu-coai", "zh", 1, 0, 3500),
    ("comments en", "surge", "en", 1, 0, 500),
    ("ads zh", "weak: ad", "zh", 1, 0, 2000),
    ("ads en", "weak: ad", "en", 1, 0, 900),
    ("lexicon ads zh", "weak: lexicon", "zh", 0, 0, 800),
    ("boilerplate zh", "weak: boilerplate", "zh", 0, 0, 2000),
    ("boilerplate en", "weak: boilerplate", "en", 0, 0, 2000),
    ("damaged zh", "weak: damaged", "zh", 0, 0, 3000),
    ("damaged en", "weak: damaged", "en", 0, 0, 3000),
)


# Books whose parts serve two heads: a part may lie in one head's train and another's dev rows.
_PARTED: Final = (
    "OI-wiki/OI-wiki",
    "OpenLogicProject/OpenLogic",
    "d2l-ai/d2l-zh",
    "mlschmitt/classic-books-markdown",
    "LCTT/TranslateProject",
)


def training_documents(data: Path, seed: int, weak_count: int) -> list[Document]:
    """Return all that weights may be trained on: labels, prose of corpus/, weak labels."""
    dev = labelled_documents(data, "dev", cross=False)
    held_out = held_out_lines(dev)
    dev_texts = {doc.text for doc in dev}
    rows = [
        doc
        for doc in labelled_documents(data, "train", cross=True) + comment_documents(data)
        if may_train_on(doc.license)
        and doc.text.strip()
        and doc.text not in dev_texts
        and not (doc.source in _PARTED and len(line_keys(doc.text) & held_out) > 1)
        and not (doc.labels[1] == 1 and weak.is_banned(doc.text, whole_words=True))
    ]
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    known = dev_texts | {doc.text for doc in rows}
    corpus = [doc for doc in corpus_documents(data, held_out, rng) if doc.text not in known]
    documents = rows + corpus
    return documents + weak_documents(documents, data / "lexicons", seed + 1, weak_count)


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
    if len(ids) <= max_tokens:
        if len(ids) < 64 or rng.random() < 0.75:
            return ids
        size = int(rng.integers(32, len(ids)))
    else:
        size = max_tokens if rng.random() < 0.5 else int(rng.integers(40, max_tokens))
    place = rng.random()
    at = 0 if place < 0.35 else len(ids) - size if place < 0.6 else rng.integers(0, len(ids) - size)
    return ids[int(at) : int(at) + size]


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
