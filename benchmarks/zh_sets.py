"""The labelled Chinese documents: good ones by register, bad ones by kind and source.

Good: whole files of the shared corpus, taken for good by their source (some rows are not: index
pages, pages left in English), the pages of Common Crawl that a reader took for good, and short
documents written for the tests. Bad: made-up pages (zh_bad_pages), real ones of Common Crawl
(labels/zh_casia.tsv, read one by one), and posts of ChineseHarm-bench, joined in their order until
they have 200 characters, as on a page of posts. Each real set is split in halves by a hash of the
text: limits are set on `tune`, and reported on `heldout`.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from labelled import read
from zh_bad_pages import KINDS, MIN_CHARS, bad_pages

__all__ = ["Labelled", "bad_documents", "good_documents"]

HERE = Path(__file__).parent
TUNE, HELDOUT = "tune", "heldout"

# Part of a source's name -> register, the first that fits.
REGISTERS = (
    ("THUCNews", "news"),
    ("zh_tech_", "technical articles"),
    ("OI-wiki", "STEM wiki"),
    ("d2l-ai", "STEM textbook"),
    ("krahets", "STEM textbook"),
    ("libreoffice-help", "help pages"),
    ("manpages", "manual pages"),
    ("debian-handbook", "handbook"),
    ("debian:", "guides"),
    ("chinese-poetry", "classical"),
)
HARM = {"博彩": "gambling posts", "欺诈": "fraud posts", "黑产广告": "advertising posts"}
WRITTEN = "written for the tests"


@dataclass(frozen=True)
class Labelled:
    """A document, whether it is good, its register or kind, where it comes from, and its half."""

    text: str
    good: bool
    group: str
    source: str
    half: str


def half_of(text: str) -> str:
    """Return the half that a text belongs to, for ever."""
    return HELDOUT if hashlib.sha256(text.encode()).digest()[0] % 2 else TUNE


def _register(file: str, row: dict[str, str]) -> str | None:
    if row["url"].endswith("_origin.html") or row["lang_hint"] == "en":
        return None
    name = next((name for part, name in REGISTERS if part in f"{file} {row['source']}"), None)
    if name and row["lang_hint"] == "mixed":
        return "Chinese beside English"
    if name == "classical":
        return f"classical, {row['lang_hint'].partition('-')[2]}"
    return f"{name}, Hant" if name and row["lang_hint"] == "zh-Hant" else name


def good_documents(data: Path) -> Iterator[Labelled]:
    """Yield the good documents of at least MIN_CHARS characters under `data`, each text once."""
    seen = set()
    for path in sorted((data / "corpus").glob("zh_*.jsonl.zst")):
        for row in read(path):
            register = _register(path.name, row)
            if register and len(row["text"]) >= MIN_CHARS and row["text"] not in seen:
                seen.add(row["text"])
                yield Labelled(row["text"], True, register, row["source"], half_of(row["text"]))
    for text, verdict, _ in crawled(data):
        if verdict == "good":
            yield Labelled(text, True, "crawled pages", "Common Crawl", half_of(text))
    for name in ("train", "dev"):
        for row in read(data / "labels" / "stem" / f"{name}.jsonl.zst"):
            if "csldcp" in row["source"] and len(row["text"]) >= MIN_CHARS:
                yield Labelled(row["text"], True, "abstracts", row["source"], half_of(row["text"]))
    written = yaml.safe_load((HERE.parent / "tests" / "data" / "zh_good.yaml").read_text("utf-8"))
    for register, texts in written.items():
        for text in texts:
            yield Labelled(text, True, register.replace("_", " "), WRITTEN, HELDOUT)


def crawled(data: Path) -> Iterator[tuple[str, str, str]]:
    """Yield text, verdict and kind of the pages of Common Crawl that were read."""
    with (HERE / "labels" / "zh_casia.tsv").open(encoding="utf-8", newline="") as file:
        labels = {row["id"]: row for row in csv.DictReader(file, delimiter="\t")}
    found = [(row["id"], row["text"]) for row in read(data / "corpus" / "zh_news.jsonl.zst")]
    for name in ("train", "dev"):
        for row in read(data / "labels" / "quality" / f"{name}.jsonl.zst"):
            found.append((hashlib.sha256(row["text"].encode()).hexdigest()[:16], row["text"]))
    for key, text in found:
        if key in labels and len(text) >= MIN_CHARS:
            yield text, labels[key]["verdict"], labels[key]["kind"]


def _posts(data: Path) -> Iterator[Labelled]:
    rows = [row for name in ("train", "dev")
            for row in read(data / "labels" / "quality" / f"{name}.jsonl.zst")
            if "ChineseHarm" in row["source"]]  # fmt: skip
    for label, kind in HARM.items():
        joined = ""
        for row in rows:
            if row["label_fine"] != label:
                continue
            joined = f"{joined}\n{row['text']}".strip()
            if len(joined) >= MIN_CHARS:
                yield Labelled(joined, False, kind, "ChineseHarm-bench", half_of(joined))
                joined = ""


def bad_documents(data: Path | None, count: int = 60) -> Iterator[Labelled]:
    """Yield bad documents: `count` made-up ones of each kind and half, and the real ones."""
    for kind in KINDS:
        for part, half in (("dev", TUNE), ("heldout", HELDOUT)):
            for text in bad_pages(part, kind, count):
                yield Labelled(text, False, kind, "made up", half)
    if data is None:
        return
    for text, verdict, kind in crawled(data):
        if verdict == "bad":
            yield Labelled(text, False, kind, "Common Crawl", half_of(text))
    yield from _posts(data)
