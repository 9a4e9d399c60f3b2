"""Measure how many characters a word of Chinese has, for rules that count words.

Usage: SKYPILE_SHARED=DIR PEERS/bin/python benchmarks/zh_words.py [--documents N]

PEERS is an environment with datatrove and jieba (``benchmarks/agreement.py`` says how to make one);
nothing of SkyPile is imported. Words are those of jieba, as datatrove cuts them for cmn_Hani: all
pieces that are not blank, punctuation too. Prints per file of DIR/data/corpus, of up to N documents
evenly drawn, each cut at 2,000 characters: characters per word (spaces left out), the same of words
that are not all punctuation, and by document the 5th, 50th and 95th percentile of the first.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
from pathlib import Path

import zstandard

FILES = (
    "zh_news", "zh_tech_lctt", "zh_tech_goldminer", "zh_docs", "zh_stem", "zh_hant", "zh_classical",
)  # fmt: skip
CUT_CHARS = 2000


def texts(path: Path, documents: int) -> list[str]:
    """Return up to `documents` beginnings of texts of a file, evenly drawn."""
    with path.open("rb") as file:
        stream = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), "utf-8")
        found = [json.loads(line)["text"][:CUT_CHARS] for line in stream]
    return found[:: max(1, len(found) // documents)][:documents]


def row(name: str, sizes: list[tuple[int, int, int, int]]) -> str:
    """Return a line of the table from characters, words, and both without punctuation, by text."""
    chars, words, solid_chars, solid = (sum(each) for each in zip(*sizes, strict=True))
    ratios = sorted(one[0] / one[1] for one in sizes)
    marks = [ratios[int(share * (len(ratios) - 1))] for share in (0.05, 0.5, 0.95)]
    told = " / ".join(f"{mark:.2f}" for mark in marks)
    return (
        f"| {name} | {len(sizes)} | {chars:,} | {chars / words:.3f} | {solid_chars / solid:.3f} | "
        f"{told} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=200)
    options = parser.parse_args()
    peer = importlib.import_module("datatrove.utils.text")
    folder = Path(os.environ["SKYPILE_SHARED"]) / "data" / "corpus"
    print("| file | documents | characters | per word | without punctuation | 5 / 50 / 95 % |")
    print("|---|---|---|---|---|---|")
    every = []
    for name in FILES:
        sizes = []
        for text in texts(folder / f"{name}.jsonl.zst", options.documents):
            words = peer.split_into_words(text, "cmn_Hani")
            solid = [
                word for word in words if any(char not in peer.PUNCTUATION_SET for char in word)
            ]
            if solid:
                sizes.append((sum(map(len, words)), len(words), sum(map(len, solid)), len(solid)))
        every += sizes
        print(row(name, sizes), flush=True)
    print(row("all", every))


if __name__ == "__main__":
    main()
