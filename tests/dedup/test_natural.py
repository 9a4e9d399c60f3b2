"""Recall and precision on natural versions of pages with exactly known similarity.

The reference counts shingles of 5 lower-cased words, or of 5 characters without white space but
with punctuation. Ours leave punctuation out, so pages whose versions differ in it alone are
duplicates to us; the reference's own shingles without punctuation agree.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import zstandard

from skypile.dedup.find import find_duplicates
from skypile.dedup.verify import exact_jaccard

SHARED = os.environ.get("SKYPILE_SHARED")
pytestmark = pytest.mark.skipif(SHARED is None, reason="SKYPILE_SHARED is not set")
BLOCKS = (
    "en_fastapi_versions", "zh_oiwiki_versions", "en_libreoffice_help", "zh_libreoffice_help",
)  # fmt: skip
ENOUGH = 20
HAN = re.compile(r"[\u4e00-\u9fff]")


class Found(NamedTuple):
    """What became of a block: (a member dropped?, Jaccard) by pair, and of each dropped document
    the Jaccard to what it names, by the reference without punctuation and by our shingles."""

    pairs: np.ndarray
    reference: np.ndarray
    ours: np.ndarray


def records(name: str) -> list[dict]:
    path = Path(SHARED or "") / "data" / f"{name}.jsonl.zst"
    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return [json.loads(line) for line in io.TextIOWrapper(reader, "utf-8")]


def reference_jaccard(one: str, two: str, *, chinese: bool) -> float:
    def shingles(text: str) -> set:
        if chinese:
            chars = re.sub(r"[\W_]+", "", text.lower())
            return {chars[at : at + 5] for at in range(max(1, len(chars) - 4))}
        words = re.findall(r"\w+", text.lower())
        return {tuple(words[at : at + 5]) for at in range(max(1, len(words) - 4))}

    left, right = shingles(one), shingles(two)
    return len(left & right) / len(left | right)


@pytest.fixture(scope="module")
def blocks(sign) -> dict[str, Found]:
    found = {}
    for name in BLOCKS:
        docs = records(f"dedup/{name}.docs")
        number = {doc["id"]: at for at, doc in enumerate(docs)}
        texts = [doc["text"] for doc in docs]
        drops = find_duplicates(*sign(texts))
        dropped = set(drops.address.tolist())
        pairs = [
            (bool({number[pair["a"]], number[pair["b"]]} & dropped), pair["jaccard"])
            for pair in records(f"dedup/{name}.pairs")
        ]
        one = [texts[each] for each in drops.address.tolist()]
        two = [texts[each] for each in drops.kept.tolist()]
        chinese = name.startswith("zh")
        reference = [
            reference_jaccard(*each, chinese=chinese) for each in zip(one, two, strict=True)
        ]
        ours = exact_jaccard([t.encode() for t in one], [t.encode() for t in two])
        found[name] = Found(np.array(pairs, float), np.array(reference), ours)
    return found


def by_block(values: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Return each block of at least ENOUGH values, and all together."""
    large = [each for each in values.values() if each.size >= ENOUGH]
    assert large
    return [*large, np.concatenate(list(values.values()))]


@pytest.mark.parametrize("level, recall", [(0.9, 0.99), (0.8, 0.97)])
def test_of_similar_pairs_one_is_dropped(blocks, level, recall):
    lost = {name: b.pairs[b.pairs[:, 1] >= level, 0] for name, b in blocks.items()}
    assert all(each.mean() >= recall for each in by_block(lost))


def test_dropped_documents_are_similar_to_what_they_name(blocks):
    for kind in ("reference", "ours"):
        similar = {name: getattr(b, kind) >= 0.8 for name, b in blocks.items()}
        assert all(each.mean() >= 0.97 for each in by_block(similar)), kind
    # None of 3.5 million unrelated pairs.
    assert min(b.reference.min() for b in blocks.values()) > 0.3


@pytest.mark.parametrize("frac, recall", [(0.01, 0.99), (0.02, 0.97)])
def test_articles_with_replaced_characters_are_found(sign, frac, recall):
    rng = random.Random(1)
    texts = [row["text"] for row in records("corpus/zh_news") if "THUC" in row["source"]]
    texts = [text for text in texts if len(HAN.findall(text)) >= 200]
    letters = sorted({char for text in texts for char in HAN.findall(text)})
    copies = [replaced(rng, text, frac, letters) for text in texts]
    drops = find_duplicates(*sign(texts + copies))
    found = {one % len(texts) for one in drops.address.tolist()}
    assert len(texts) > 500 and len(found) >= recall * len(texts)


def replaced(rng: random.Random, text: str, frac: float, letters: list[str]) -> str:
    """Replace `frac` of the Han characters of `text` by others."""
    chars = list(text)
    han = [at for at, char in enumerate(chars) if HAN.match(char)]
    for at in rng.sample(han, round(len(han) * frac)):
        chars[at] = next(c for c in rng.sample(letters, 2) if c != chars[at])
    return "".join(chars)
