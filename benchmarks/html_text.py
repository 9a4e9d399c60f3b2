"""Measure how much of the main text of pages is found, and how fast, beside other extractors.

Usage: SKYPILE_SHARED=DIR python benchmarks/html_text.py [--turns N]

Pages with gold text: the 181 of article-extraction-benchmark (DIR/data/web/aeb.warc.gz and
aeb_gold.jsonl.zst), and the Chinese pages of tests/data/pages. Precision and recall of a page are
those of its shingles of four words, counted as often as they occur; those of a set are the means
over pages, and F1 is their harmonic mean (the definition of article-extraction-benchmark).
Chinese has no spaces, so its shingles are of four characters. Times are the least CPU time of N
turns, in which the extractors take turns on the same decoded pages. trafilatura and resiliparse
are measured where they are installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import orjson
import zstandard

from skypile.io.charsets import to_utf8
from skypile.io.html import page_text
from skypile.io.members import warc_blocks
from skypile.io.responses import parse_response, unpacked
from skypile.io.warc import Record, records

Extractor = Callable[[bytes], str]
WORD = re.compile(r"\w+")
CHARACTER = re.compile(r"\w")
SHINGLE = 4
MAX_BYTES = 1 << 28
CHINESE = Path(__file__).parents[1] / "tests" / "data" / "pages"


class Case(NamedTuple):
    """A page as UTF-8, and its main text."""

    page: bytes
    gold: str


def english() -> Iterator[Case]:
    """Yield the pages of article-extraction-benchmark."""
    folder = Path(os.environ["SKYPILE_SHARED"]) / "data" / "web"
    with (folder / "aeb_gold.jsonl.zst").open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
    gold = {row["url"]: row["text"] for row in map(orjson.loads, lines)}
    with (folder / "aeb.warc.gz").open("rb") as file:
        for record in records(warc_blocks(file, "gzip"), MAX_BYTES):
            if isinstance(record, Record) and record.field("warc-type") == "response":
                page, _ = to_utf8(unpacked(parse_response(record.body), MAX_BYTES), None)
                yield Case(page, gold[record.field("warc-target-uri") or ""])


def chinese() -> Iterator[Case]:
    """Yield the Chinese pages that were written for the tests."""
    for path in sorted(CHINESE.glob("*.html")):
        page, _ = to_utf8(path.read_bytes(), None)
        yield Case(page, path.with_suffix(".txt").read_text("utf-8"))


def extractors() -> dict[str, Extractor]:
    """Return our tiers, and the others that are installed."""
    found: dict[str, Extractor] = {
        "skypile fast": lambda page: page_text(page, "fast") or "",
        "skypile precise": lambda page: page_text(page, "precise") or "",
    }
    try:
        other = importlib.import_module("trafilatura")
        name = f"trafilatura {importlib.metadata.version('trafilatura')}"
        found[name] = lambda page: other.extract(page.decode(), include_comments=False) or ""
        found[f"{name}, favor_precision"] = lambda page: (
            other.extract(page.decode(), include_comments=False, favor_precision=True) or ""
        )
    except ImportError:
        pass
    try:
        parts = importlib.import_module("resiliparse.extract.html2text")
        name = f"resiliparse {importlib.metadata.version('resiliparse')}"
        found[name] = lambda page: parts.extract_plain_text(page.decode(), main_content=True)
    except ImportError:
        pass
    return found


def shingles(text: str, token: re.Pattern[str]) -> Counter[tuple[str, ...]]:
    """Count the shingles of a text; one of fewer than four tokens is one shingle."""
    tokens = token.findall(text)
    last = max(1, len(tokens) - SHINGLE + 1)
    return Counter(tuple(tokens[at : at + SHINGLE]) for at in range(last) if tokens)


def scores(pairs: list[tuple[str, str]], token: re.Pattern[str]) -> tuple[float, float, float]:
    """Return F1, precision and recall of (gold text, found text) pairs."""
    precisions, recalls = [], []
    for gold, found in pairs:
        wanted, got = shingles(gold, token), shingles(found, token)
        both = (wanted & got).total()
        if got:
            precisions.append(both / got.total())
        if wanted:
            recalls.append(both / wanted.total())
    precision, recall = statistics.mean(precisions or [0.0]), statistics.mean(recalls or [0.0])
    whole = precision + recall
    return (2 * precision * recall / whole if whole else 0.0), precision, recall


def least_seconds(cases: list[Case], named: dict[str, Extractor], turns: int) -> dict[str, float]:
    """Return the CPU seconds that each extractor takes for a page."""
    least = dict.fromkeys(named, float("inf"))
    for _ in range(turns):
        for name, extract in named.items():
            start = time.process_time()
            for case in cases:
                extract(case.page)
            least[name] = min(least[name], (time.process_time() - start) / len(cases))
    return least


def main() -> None:
    """Print a table for each set of pages."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    named = extractors()
    print(f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}\n")
    for title, cases, token in (
        ("article-extraction-benchmark", list(english()), WORD),
        ("Chinese pages of tests/data/pages", list(chinese()), CHARACTER),
    ):
        size = sum(len(case.page) for case in cases) / len(cases) / 1000
        print(f"{title}: {len(cases)} pages of {size:.0f} kB\n")
        print("| extractor | F1 | precision | recall | pages/s per core |")
        print("|---|---|---|---|---|")
        pairs = {
            name: [(case.gold, extract(case.page)) for case in cases]
            for name, extract in named.items()
        }
        least = least_seconds(cases, named, options.turns)
        for name, found in pairs.items():
            f1, precision, recall = scores(found, token)
            print(
                f"| {name} | {f1:.4f} | {precision:.4f} | {recall:.4f} | {1 / least[name]:,.0f} |"
            )
        print()


if __name__ == "__main__":
    main()
