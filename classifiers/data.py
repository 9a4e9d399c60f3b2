"""Training and evaluation documents: which rows may be used, what each is a label for.

A document has one label per head (`HEADS`): 1, 0 or NaN for "the source does not say". Weights are
trained only on rows whose licence `may_train_on`; evaluation uses every row.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import zstandard
from tokenizers import Tokenizer

from classifiers import ClassifierError

__all__ = [
    "ADS",
    "HALF_CHARS",
    "HEADS",
    "POLITICS",
    "PORN",
    "QUALITY",
    "SETS",
    "STEM",
    "TOXICITY",
    "Document",
    "corpus_documents",
    "encoded",
    "held_out_lines",
    "is_of",
    "labelled_documents",
    "line_keys",
    "may_train_on",
    "read_rows",
    "said",
]

HEADS: Final = ("quality", "porn", "politics", "ads", "toxicity", "stem")
# There is no set of advertisements: what other sets say of them is in `_CROSS`.
SETS: Final = ("quality", "porn", "politics", "toxicity", "stem")
QUALITY, PORN, POLITICS, ADS, TOXICITY, STEM = range(len(HEADS))

_REFUSED: Final = re.compile(
    r"\b(?:NC|ND)\b|non-?commercial|GPL|MPL|EPL|see |various|custom|belong", re.IGNORECASE
)
_ALLOWED: Final = re.compile(
    r"(?:MIT|Apache-2\.0|BSD(?:-[23]-Clause)?|CC-BY(?:-SA)?-\d\.\d|CC0-1\.0|public domain"
    r"|THUCNews|20 Newsgroups|CLUE benchmark)(?![\w-])"
)


def said(**labels: float) -> tuple[float, ...]:
    """Return labels in the order of `HEADS`, NaN for heads that are not named."""
    assert set(labels) <= set(HEADS)
    return tuple(float(labels.get(name, math.nan)) for name in HEADS)


UNKNOWN: Final = said()

# What a source says about heads other than the one it was collected for. Technical books and
# articles are neither porn nor politics by what they are; labels/porn itself takes 20 Newsgroups
# and THUCNews as negatives. Newsgroups advertise and insult, so both stay unknown there; COLD's
# comments on race and region are not about sex (those on gender may be). The rest stays unknown.
_PROSE: Final = {"quality": 1, "porn": 0, "ads": 0, "toxicity": 0}
_TECHNICAL: Final = said(**_PROSE, politics=0, stem=1)
_CROSS: Final[tuple[tuple[str, tuple[float, ...]], ...]] = (
    ("20 Newsgroups", said(porn=0)),
    ("THUCNews titles", said(porn=0, ads=0, toxicity=0)),
    ("THUCNews", said(**_PROSE)),
    ("CLUEbenchmark/FewCLUE csldcp", said(porn=0, ads=0, toxicity=0)),
    ("OI-wiki", _TECHNICAL),
    ("d2l-ai", _TECHNICAL),
    ("OpenLogicProject", _TECHNICAL),
    ("mlschmitt", said(quality=1, porn=0, ads=0, stem=0)),
    ("LCTT", said(**_PROSE, politics=0)),
    ("chinese-poetry", said(**_PROSE, stem=0)),
    ("nltk/nltk_data:inaugural", said(**_PROSE, politics=1, stem=0)),
    ("nltk/nltk_data:state_union", said(**_PROSE, politics=1, stem=0)),
    ("UCI YouTube", said(ads=1, politics=0, stem=0)),
    ("surge-ai", said(ads=0)),
    ("thu-coai", said(ads=0)),
)
_POLITICAL_BOOK: Final = re.compile(
    r"federal|republic|prince|leviathan|libert|govern|politic|manifesto|democra|rights|constitut"
    r"|\bwar\b|nations|capital|social|revolution|state|history|empire|law",
    re.IGNORECASE,
)
_CORPUS_FILES: Final = (
    "en_books", "en_stem", "en_tech_lctt", "en_prose_nltk", "zh_stem", "zh_tech_lctt",
    "zh_classical", "zh_news",
)  # fmt: skip
_CORPUS_MAX_DOCUMENTS: Final = 1500
HALF_CHARS: Final = 6000
# A dev document comes in up to four parts or heads, so its own lines may stand in as many rows.
_FURNITURE_MIN_DOCUMENTS: Final = 4


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its labels in the order of `HEADS`; NaN where the source does not say."""

    text: str
    lang: str
    source: str
    license: str
    labels: tuple[float, ...]


def may_train_on(license_name: str) -> bool:
    """Say whether shipped weights may be trained on rows under a licence as the data spell it.

    Yes for MIT, Apache-2.0, BSD, CC-BY, CC-BY-SA, CC0 and the public domain, and for the research
    sets THUCNews, 20 Newsgroups and CLUE, which the model card names; no for everything else.
    """
    return _REFUSED.search(license_name) is None and _ALLOWED.match(license_name) is not None


def is_of(doc: Document, sources: Sequence[str]) -> bool:
    """Say whether the document's source begins like one of `sources`."""
    return doc.source.startswith(tuple(sources))


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a .jsonl.zst file; a missing file is a ClassifierError."""
    if not path.is_file():
        raise ClassifierError(f"{path}: no such file; --data must name the labelled data's folder")
    with (
        path.open("rb") as raw,
        zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(raw) as stream,
    ):
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            yield json.loads(line)


def _cross_labels(source: str) -> tuple[float, ...]:
    return next((labels for prefix, labels in _CROSS if source.startswith(prefix)), UNKNOWN)


def _fill_by_row(row: dict[str, Any], labels: list[float]) -> None:
    """Set what one row says about heads that its source as a whole says nothing of."""
    # An abstract from a STEM discipline is no politics; one from the humanities may be.
    if row["source"].startswith("CLUE") and labels[STEM] == 1:
        labels[POLITICS] = 0.0
    # A harmless comment on race or region is not about sex; one on gender may be.
    is_mild = labels[TOXICITY] == 0 and row.get("label_fine") in (None, "race", "region")
    if row["source"].startswith(("thu-coai", "surge-ai")) and is_mild:
        labels[PORN] = 0.0
    if row.get("label_fine") == "misc.forsale":
        labels[ADS] = math.nan


def labelled_documents(data: Path, split: str, *, cross: bool) -> list[Document]:
    """Return the rows of labels/*/<split>, one document per text, in the order of first sight.

    A label on which two rows disagree becomes NaN. With `cross`, a source fills other heads too.
    """
    found: dict[str, tuple[dict[str, Any], list[float]]] = {}
    clashes: set[tuple[str, int]] = set()
    for name in SETS:
        head = HEADS.index(name)
        for row in read_rows(data / "labels" / name / f"{split}.jsonl.zst"):
            labels = found.setdefault(row["text"], (row, list(UNKNOWN)))[1]
            if labels[head] == 1 - row["label"]:
                clashes.add((row["text"], head))
            labels[head] = float(row["label"])
    documents = []
    for text, (row, labels) in found.items():
        filled = _cross_labels(row["source"]) if cross else UNKNOWN
        for head, value in enumerate(filled):
            if math.isnan(labels[head]):
                labels[head] = value
            if (text, head) in clashes:
                labels[head] = math.nan
        if cross:
            _fill_by_row(row, labels)
        documents.append(Document(text, row["lang"], row["source"], row["license"], tuple(labels)))
    return documents


def line_keys(text: str) -> set[bytes]:
    """Return hashes of a text's lines of 20 characters or more."""
    lines = (line.strip() for line in text.splitlines())
    return {
        hashlib.blake2b(line.encode(), digest_size=8).digest()
        for line in lines
        if len(line) >= 20 and any(char.isalnum() for char in line)
    }


def held_out_lines(dev: Iterable[Document]) -> set[bytes]:
    """Return the keys of the lines of dev documents but for furniture, which stands in many."""
    seen = Counter(key for doc in dev for key in line_keys(doc.text))
    return {key for key, count in seen.items() if count <= _FURNITURE_MIN_DOCUMENTS}


def _corpus_labels(row: dict[str, Any]) -> tuple[float, ...]:
    labels = list(_cross_labels(row["source"]))
    if row["source"].startswith("THUCNews"):
        labels[POLITICS] = float(row.get("category") == "时政")
    if row["source"].startswith("mlschmitt") and not _POLITICAL_BOOK.search(row["url"]):
        labels[POLITICS] = 0.0
    return tuple(labels)


def corpus_documents(data: Path, held_out: set[bytes], rng: random.Random) -> list[Document]:
    """Return prose of corpus/ from sources with known labels, none of it seen in a dev part."""
    documents = []
    for name in _CORPUS_FILES:
        rows = []
        for row in read_rows(data / "corpus" / f"{name}.jsonl.zst"):
            if not may_train_on(row["license"]) or math.isnan(_cross_labels(row["source"])[0]):
                continue
            keys = line_keys(row["text"])
            if len(row["text"]) >= 200 and len(keys & held_out) < 2:
                rows.append(row)
        for row in rng.sample(rows, min(len(rows), _CORPUS_MAX_DOCUMENTS)):
            lang = "en" if row["lang_hint"] == "en" else "zh"
            documents.append(
                Document(row["text"], lang, row["source"], row["license"], _corpus_labels(row))
            )
    return documents


def encoded(tokenizer: Tokenizer, texts: Iterable[str]) -> list[np.ndarray]:
    """Return each text's token ids (uint32, no special tokens), its middle cut out if very long."""
    cut = [
        text if len(text) <= 2 * HALF_CHARS else text[:HALF_CHARS] + "\n" + text[-HALF_CHARS:]
        for text in texts
    ]
    batches = tokenizer.encode_batch_fast(cut, add_special_tokens=False)
    return [np.asarray(encoding.ids, dtype=np.uint32) for encoding in batches]
