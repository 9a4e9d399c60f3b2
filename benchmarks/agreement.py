"""Compare SkyPile's columns and decisions with datatrove's own functions, document by document.

    python3.11 -m venv PEERS
    PEERS/bin/pip install "datatrove[processing]==0.10.1" spacy jieba zstandard
    SKYPILE_SHARED=DIR python benchmarks/agreement.py PEERS/bin/python [--documents N] [--cuts …]

datatrove runs in a process of that environment (``agreement_peer.py``), since it needs other
versions of packages. Compared are N documents of DIR/data/corpus in English and as many in Chinese
(from the files below in equal parts, evenly drawn, each cut at 20,000 characters): `units`, with
words, lines and shares cut as SkyPile cuts them on both sides, then `own`, datatrove as it is, with
its own tokenizer (spaCy; jieba for Chinese). Rules on the language are left out on both sides.

Prints two kinds of table, in Markdown: per column how many documents have equal values, and how
many lie on the same side of the limit that the peer's filter has; per recipe how many documents
both keep, both drop, only one keeps, and for these the reasons, most frequent first.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard

from skypile.curate import annotate, close, run_steps
from skypile.policy import Rule
from skypile.recipe import Recipe, Step, load_recipe
from skypile.schema import empty_outcomes
from skypile.stage import Stage
from skypile.stages.counts import Counts
from skypile.stages.lines import C4Lines
from skypile.stages.repetition import Repetition

Reasons = collections.Counter[str]

CUT_CHARS = 20_000
FILES = {
    "eng": ("en_prose_nltk", "en_docs", "en_tech_lctt", "en_stem", "en_books"),
    "cmn_Hani": ("zh_news", "zh_tech_lctt", "zh_tech_goldminer", "zh_docs", "zh_stem", "zh_hant"),
}
RECIPES = {"eng": ("gopher", "c4", "fineweb"), "cmn_Hani": ("fineweb2-zh",)}
# Column of ours -> (column of the peer's, least and largest value that its filter lets pass).
COLUMNS: dict[str, tuple[str, float, float]] = {
    "words_count": ("words_count", 50, 100_000),
    "word_mean_chars": ("word_mean_chars", 3, 10),
    "hash_word_frac": ("hash_word_frac", 0, 0.1),
    "ellipsis_word_frac": ("ellipsis_word_frac", 0, 0.1),
    "bullet_line_frac": ("bullet_line_frac", 0, 0.9),
    "ellipsis_line_frac": ("ellipsis_line_frac", 0, 0.3),
    "alpha_word_frac": ("alpha_word_frac", 0.8, 1),
    "stop_words_count": ("stop_words_count", 2, 8),
    "dup_line_frac": ("dup_line_frac", 0, 0.3),
    "dup_line_char_frac": ("dup_line_char_frac", 0, 0.2),
    "dup_paragraph_frac": ("dup_paragraph_frac", 0, 0.3),
    "dup_paragraph_char_frac": ("dup_paragraph_char_frac", 0, 0.2),
    "top_2gram_frac": ("top_2gram_frac", 0, 0.2),
    "top_3gram_frac": ("top_3gram_frac", 0, 0.18),
    "top_4gram_frac": ("top_4gram_frac", 0, 0.16),
    "dup_5gram_frac": ("dup_5gram_frac", 0, 0.15),
    "dup_6gram_frac": ("dup_6gram_frac", 0, 0.14),
    "dup_7gram_frac": ("dup_7gram_frac", 0, 0.13),
    "dup_8gram_frac": ("dup_8gram_frac", 0, 0.12),
    "dup_9gram_frac": ("dup_9gram_frac", 0, 0.11),
    "dup_10gram_frac": ("dup_10gram_frac", 0, 0.1),
    "terminal_line_frac": ("terminal_line_frac", 0.12, 1),
    "line_upto_30_frac": ("line_upto_30_frac", 0, 0.67),
    "newline_word_ratio": ("newline_word_ratio", 0, 0.3),
}
# FineWeb takes the same column as Gopher, for which datatrove has another denominator.
AGAIN = {"dup_line_char_frac": ("fineweb_dup_line_char_frac", 0.0, 0.01)}


@dataclass(frozen=True)
class Ours:
    """What SkyPile says of the documents: columns, reasons by recipe, texts of C4."""

    columns: dict[str, list[Any]]
    decisions: dict[str, list[str | None]]
    c4_texts: list[str]


def texts(folder: Path, language: str, documents: int) -> list[str]:
    """Return `documents` texts, from each file equally many, evenly drawn."""
    found: list[str] = []
    names = FILES[language]
    for name in names:
        with (folder / f"{name}.jsonl.zst").open("rb") as file:
            lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
        wanted = -(-documents // len(names))
        drawn = lines[:: max(1, len(lines) // wanted)][:wanted]
        found += [json.loads(line)["text"][:CUT_CHARS] for line in drawn]
    return [text for text in found if text.strip()]


def batch_of(documents: list[str]) -> pa.RecordBatch:
    """Return open documents with these texts."""
    nothing = pa.nulls(len(documents), pa.string())
    columns = {"text": pa.array(documents, pa.string()), "prog_lang": nothing, "message": nothing}
    return pa.RecordBatch.from_pydict(columns | empty_outcomes(len(documents)))


def without_language(recipe: Recipe) -> Recipe:
    """Return the recipe's steps without the rules on language."""
    steps = [Step(stages=step.stages, rules=tuple(filter(_about_text, step.rules))) for step in
             recipe.steps]  # fmt: skip
    return Recipe(name=recipe.name, steps=tuple(steps), dedup=None, mix=None)


def _about_text(rule: Rule) -> bool:
    return rule.column not in ("domain", "language_score")


def ours(documents: list[str], language: str) -> Ours:
    """Return what SkyPile says of the documents."""
    stages: tuple[Stage, ...] = (Counts(), Repetition())
    scored = annotate(batch_of(documents), stages)
    decisions = {}
    for name in RECIPES[language]:
        recipe = without_language(load_recipe(name))
        judged = close(run_steps(batch_of(documents), recipe.steps))
        decisions[name] = judged.column("reason").to_pylist()
    rewritten = C4Lines(chinese=False)(batch_of(documents))["text"].to_pylist()
    return Ours({name: scored.column(name).to_pylist() for name in COLUMNS}, decisions, rewritten)


def theirs(python: str, documents: list[str], language: str, cut: str) -> list[dict[str, Any]]:
    """Return what datatrove says of each document."""
    here = Path(__file__).parent
    lines = "".join(json.dumps({"text": text}) + "\n" for text in documents)
    command = [python, str(here / "agreement_peer.py"), language, cut]
    env = {**os.environ, "PYTHONPATH": str(here.parent)}
    done = subprocess.run(
        command, input=lines, text=True, check=True, stdout=subprocess.PIPE, env=env
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def alike(mine: float, other: float, least: float, most: float) -> tuple[bool, bool]:
    """Tell whether two values are equal, and whether both lie within the bounds or both not."""
    same = math.isclose(mine, other, rel_tol=1e-9, abs_tol=1e-12)
    return same, (least <= mine <= most) == (least <= other <= most)


def column_table(found: Ours, answers: dict[str, list[dict[str, Any]]]) -> None:
    """Print for each column how often both say the same."""
    print("| column | limit of the peer | " + " | ".join(
        f"equal ({cut}) | same side ({cut})" for cut in answers) + " |")  # fmt: skip
    print("|---|---|" + "---|---|" * len(answers))
    again = [(name, *peer) for name, peer in AGAIN.items()]
    for name, peer, least, most in [(name, *peer) for name, peer in COLUMNS.items()] + again:
        cells = []
        for told in answers.values():
            pairs = [alike(mine, each["columns"][peer], least, most)
                     for mine, each in zip(found.columns[name], told, strict=True)]  # fmt: skip
            cells += [str(sum(one)) for one in zip(*pairs, strict=True)]
        shown = name if peer == name else f"{name} ({peer})"
        print(f"| `{shown}` | {least:g} to {most:g} | " + " | ".join(cells) + " |")


def decision_table(found: Ours, answers: dict[str, list[dict[str, Any]]]) -> None:
    """Print for each recipe how often both decide alike, and why not."""
    print(
        "\n| recipe | words | both keep | both drop | only SkyPile keeps | only datatrove keeps |"
    )
    print("|---|---|---|---|---|---|")
    why: dict[tuple[str, str], Reasons] = collections.defaultdict(collections.Counter)
    for name, reasons in found.decisions.items():
        for cut, told in answers.items():
            kinds: collections.Counter[tuple[bool, bool]] = collections.Counter()
            for mine, each in zip(reasons, told, strict=True):
                other = each["decisions"][name]
                kinds[mine is None, other is None] += 1
                if (mine is None) != (other is None):
                    why[name, cut][f"`{mine or 'kept'}` / `{other or 'kept'}`"] += 1
            cells = [kinds[True, True], kinds[False, False], kinds[True, False], kinds[False, True]]
            print(f"| {name} | {cut} | " + " | ".join(map(str, cells)) + " |")
    print("\n| recipe | words | SkyPile / datatrove: documents |\n|---|---|---|")
    for (name, cut), counts in why.items():
        told_why = ", ".join(f"{pair} {n}" for pair, n in counts.most_common(12))
        print(f"| {name} | {cut} | {told_why} |")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("python")
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--cuts", nargs="+", default=("units", "own"), choices=("units", "own"))
    options = parser.parse_args()
    folder = Path(os.environ["SKYPILE_SHARED"]) / "data" / "corpus"
    for language in FILES:
        documents = texts(folder, language, options.documents)
        found = ours(documents, language)
        answers = {cut: theirs(options.python, documents, language, cut) for cut in options.cuts}
        print(f"\n## {language}: {len(documents)} documents\n")
        column_table(found, answers)
        decision_table(found, answers)
        kept = [(mine, each["c4_text"]) for mine, each in
                zip(found.c4_texts, answers[options.cuts[0]], strict=True)
                if "c4_text" in each and each["decisions"]["c4"] is None]  # fmt: skip
        same = sum(mine == other for mine, other in kept)
        if kept:
            print(f"\nTexts that C4 keeps: {len(kept)}; c4_lines leaves the same of {same}.")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
