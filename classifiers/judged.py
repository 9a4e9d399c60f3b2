"""What a classifier is judged on: dev rows, and rows of sources that it never saw.

A row counts as of an unseen source where no row of that source was trained on: those whose licence
`may_train_on` refuses (of their train part too, which makes intervals narrower), the topic sets,
and, for a model trained without them, the sources named by `without`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifiers.data import (
    HEADS,
    Document,
    is_of,
    labelled_documents,
    may_train_on,
    read_rows,
    said,
)
from classifiers.evaluate import auc

__all__ = ["Judged", "figures", "judged_documents", "short_name"]

LANGUAGES: Final = ("en", "zh")

# ChineseHarm-bench has six classes; what each says for heads that have no set of their own in
# Chinese. Gambling and fraud texts advertise as often as not: unknown.
_HARM_FINE: Final = {
    "黑产广告": {"ads": 1},
    "谩骂引战": {"toxicity": 1, "ads": 0},
    "不违规": {"ads": 0, "toxicity": 0},
}
# The politics class of news by subject: world news is mostly about states, and war news may be
# either. What a set calls "society", "story" or "finance" is not about politics.
_TOPICS: Final = (
    ("ag_news", {"World": 1, "Sports": 0, "Business": 0, "Sci/Tech": 0}),
    (
        "tnews",
        {
            "news_world": 1, "news_agriculture": 0, "news_car": 0, "news_culture": 0, "news_edu": 0,
            "news_entertainment": 0, "news_finance": 0, "news_game": 0, "news_house": 0,
            "news_sports": 0, "news_stock": 0, "news_story": 0, "news_tech": 0, "news_travel": 0,
        },
    ),
)  # fmt: skip
_MAX_TRAIN_ROWS: Final = 1500
# Harmless rows that serve the ads head as negatives: its own sets hold advertisements alone.
_NO_ADS: Final = ("surge-ai", "thu-coai", "THUCNews", "OI-wiki", "d2l-ai", "OpenLogic", "mlschmitt")


@dataclass(frozen=True, slots=True)
class Judged:
    """Documents with their labels and whether their source was out of a model's sight."""

    documents: tuple[Document, ...]
    is_unseen: np.ndarray  # bool (documents,)


def short_name(source: str) -> str:
    """Return a source's name without what stands in brackets and after a colon's list of files."""
    return source.split(" (")[0]


def _ads_and_toxicity(doc: Document, fine: str | None) -> Document:
    labels = dict(zip(HEADS, doc.labels, strict=True))
    if "ChineseHarm" in doc.source:
        labels |= _HARM_FINE.get(fine or "", {})
    elif doc.source.startswith("UCI YouTube"):
        labels["ads"] = 1
    elif doc.source.startswith(_NO_ADS) or (
        doc.source.startswith("scrapinghub") and labels["quality"] == 1
    ):
        labels["ads"] = 0
    return Document(doc.text, doc.lang, doc.source, doc.license, said(**labels))


def _fine_labels(data: Path, split: str) -> dict[str, str]:
    """Return the fine label of each text of ChineseHarm-bench."""
    rows = (
        row for name in ("porn", "quality") for row in read_rows(_labels_path(data, name, split))
    )
    return {row["text"]: row["label_fine"] for row in rows if "ChineseHarm" in row["source"]}


def _labels_path(data: Path, name: str, split: str) -> Path:
    return data / "labels" / name / f"{split}.jsonl.zst"


def _topic_documents(data: Path) -> list[Document]:
    documents = []
    for name, politics in _TOPICS:
        path = data / "labels" / "topics" / f"{name}.jsonl.zst"
        if path.is_file():
            documents += [
                Document(
                    row["text"], row["lang"], row["source"], row["license"],
                    said(politics=politics.get(row["label"], math.nan)),
                )
                for row in read_rows(path)
            ]  # fmt: skip
    return documents


def judged_documents(data: Path, without: Sequence[str] = ()) -> Judged:
    """Return the dev rows, the rows that may not be trained on, and the topic sets.

    `without` names, by how they begin, sources that the model was not trained on: up to 1,500 rows
    of each source and labels of their train part are judged too. Every row counts whatever its
    licence, because none is shipped. A text that stands in dev and train counts once.
    """
    documents: dict[str, Document] = {}
    taken: Counter[str] = Counter()
    for split in ("dev", "train"):
        fine = _fine_labels(data, split)
        for doc in labelled_documents(data, split, cross=False):
            is_judged = split == "dev" or not may_train_on(doc.license)
            if not is_judged and is_of(doc, without):
                key = f"{doc.source} {doc.labels}"
                taken[key] += 1
                is_judged = taken[key] <= _MAX_TRAIN_ROWS
            if is_judged and doc.text.strip():
                documents.setdefault(doc.text, _ads_and_toxicity(doc, fine.get(doc.text)))
    topics = _topic_documents(data)
    for doc in topics:
        documents.setdefault(doc.text, doc)
    found = tuple(documents.values())
    topic_texts = {doc.text for doc in topics}
    is_unseen = [
        not may_train_on(doc.license) or is_of(doc, without) or doc.text in topic_texts
        for doc in found
    ]
    return Judged(found, np.array(is_unseen, dtype=bool))


def figures(scores_DH: np.ndarray, judged: Judged, *, draws: int = 400) -> list[dict[str, Any]]:
    """Return a row for each head, language and part (seen, unseen) that has both classes.

    `scores_DH` is (documents, heads) in the order of `HEADS`. Each row has the AUC with a 95 %
    interval over drawings of documents, class by class, the counts, the sources of either class,
    and, by source, the AUC of its rows of one class against all rows of the other in that part.
    """
    labels_DH = np.array([doc.labels for doc in judged.documents])
    langs = np.array([doc.lang for doc in judged.documents])
    sources = np.array([short_name(doc.source) for doc in judged.documents])
    found = []
    for head, name in enumerate(HEADS):
        for lang in LANGUAGES:
            for part, members in (("seen", ~judged.is_unseen), ("unseen", judged.is_unseen)):
                rows = members & (langs == lang) & ~np.isnan(labels_DH[:, head])
                positive = labels_DH[rows, head] == 1
                if positive.any() and not positive.all():
                    entry = _entry(scores_DH[rows, head], positive, sources[rows], draws)
                    found.append({"head": name, "lang": lang, "part": part, **entry})
    return found


def _entry(
    scores: np.ndarray, positive: np.ndarray, sources: np.ndarray, draws: int
) -> dict[str, Any]:
    low, high = _interval(scores, positive, draws)
    by_source = {}
    for source in np.unique(sources):
        mine = sources == source
        for label in (True, False):
            own = mine & (positive == label)
            if own.any():
                rows = own | (positive != label)
                by_source[f"{source} = {int(label)}"] = {
                    "rows": int(own.sum()),
                    "auc": round(auc(scores[rows], positive[rows]), 4),
                    "mean": round(float(scores[own].mean()), 4),
                }
    return {
        "auc": round(auc(scores, positive), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "positives": int(positive.sum()),
        "negatives": int((~positive).sum()),
        "by_source": by_source,
    }


def _interval(scores: np.ndarray, positive: np.ndarray, draws: int) -> tuple[float, float]:
    """Return the 95 % percentile interval of the AUC over documents drawn within each class."""
    rng = np.random.default_rng(0)
    yes, no = np.flatnonzero(positive), np.flatnonzero(~positive)
    values = []
    for _ in range(draws):
        rows = np.concatenate([rng.choice(yes, len(yes)), rng.choice(no, len(no))])
        values.append(auc(scores[rows], positive[rows]))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)
