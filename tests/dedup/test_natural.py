"""Recall and precision on natural versions of pages with exactly known similarity.

The reference counts shingles of lower-cased words or of all characters with punctuation, so that a
Jaccard near the threshold differs from ours; at .85 both agree that a pair is a duplicate.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import zstandard

from skypile.dedup import bands, exact, verify
from skypile.dedup.signatures import SignatureIndex

SHARED = os.environ.get("SKYPILE_SHARED")
pytestmark = pytest.mark.skipif(SHARED is None, reason="SKYPILE_SHARED is not set")


def records(name: str) -> list[dict]:
    path = Path(SHARED or "") / "data" / "dedup" / f"{name}.jsonl.zst"
    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return [json.loads(line) for line in io.TextIOWrapper(reader, "utf-8")]


@pytest.mark.parametrize(
    "block, recall, precision",
    [("zh_oiwiki_versions", 0.99, 0.80), ("en_fastapi_versions", 0.99, 0.97)],
)
def test_versions_of_pages(sign, block, recall, precision):
    docs = records(f"{block}.docs")
    number = {doc["id"]: at for at, doc in enumerate(docs)}
    reference = {
        tuple(sorted((number[pair["a"]], number[pair["b"]]))): pair["jaccard"]
        for pair in records(f"{block}.pairs")
    }
    signatures, fetch = sign([doc["text"] for doc in docs])
    copies = exact.exact_copies(exact.exact_entries(signatures))
    kept = dict(copies.tolist())
    every = bands.band_entries(signatures, skip=copies["address"])
    pairs = bands.merged_pairs([bands.pairs_of_group([each.tobytes()]) for each in every])
    edges = verify.verified_edges(SignatureIndex([signatures]), pairs, fetch)
    joined = {(left, right) for left, right, *_ in edges.tolist()}

    def is_found(pair: tuple[int, int]) -> bool:
        one, two = sorted(kept.get(each, each) for each in pair)
        return one == two or (one, two) in joined

    similar = [pair for pair, jaccard in reference.items() if jaccard >= 0.85]
    assert np.mean([is_found(pair) for pair in similar]) >= recall
    assert np.mean([reference.get(pair, 0) >= 0.8 for pair in joined]) >= precision
    # By our own definition of a shingle no pair below the threshold is accepted.
    true = verify.exact_jaccard(fetch(edges["left"]), fetch(edges["right"]))
    assert np.mean(true >= 0.8) >= 0.999
