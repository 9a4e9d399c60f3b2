"""Earlier corpora in a run: their shards numbered, and what is told of them in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skypile.dedup.cluster import Drops
from skypile.dedup.earlier import AGAINST, EarlierCorpus, EarlierDocuments, EarlierShard

__all__ = ["earlier_documents", "earlier_notes", "matched_by_corpus", "numbered", "told_of"]


def numbered(corpora: Sequence[EarlierCorpus], first: int) -> dict[int, EarlierShard]:
    """Return the shards of all corpora by number, from `first` on."""
    shards = (shard for corpus in corpora for shard in corpus.shards)
    return dict(enumerate(shards, first))


def earlier_documents(corpora: Sequence[EarlierCorpus], first: int) -> EarlierDocuments:
    """Return what reads texts and names of documents of `corpora`, numbered from `first` on."""
    return EarlierDocuments(numbered(corpora, first))


def matched_by_corpus(corpora: Sequence[EarlierCorpus], first: int, drops: Drops) -> list[int]:
    """Return how many dropped documents name one of each corpus."""
    counts = []
    for corpus in corpora:
        last = first + len(corpus.shards)
        below, above = (np.uint64(number << 32) for number in (first, last))
        counts.append(int(np.count_nonzero((drops.kept >= below) & (drops.kept < above))))
        first = last
    return counts


def told_of(corpora: Sequence[EarlierCorpus], matched: Sequence[int]) -> list[dict[str, Any]]:
    """Return what a manifest or a report says of each corpus."""
    return [
        {
            "path": corpus.root,
            "label": corpus.prefix.removeprefix(AGAINST).rstrip("/"),
            "recipe": corpus.recipe,
            "digest": corpus.digest,
            "documents": corpus.documents,
            "matched": number,
        }
        for corpus, number in zip(corpora, matched, strict=True)
    ]


def earlier_notes(corpora: Sequence[EarlierCorpus], matched: Sequence[int]) -> list[str]:
    """Return what a ledger says of each corpus."""
    return [
        f"--against {corpus.root}: {number:,} documents are duplicates of its {corpus.documents:,}"
        for corpus, number in zip(corpora, matched, strict=True)
    ]
