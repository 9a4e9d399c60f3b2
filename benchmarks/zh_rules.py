"""Say what recipes keep of good Chinese and drop of bad, and what each rule does alone.

    SKYPILE_SHARED=DIR python benchmarks/zh_rules.py --recipe zh_v1 --recipe web [--half heldout]

Prints Markdown: good documents kept by register, bad ones dropped by source and kind, with Wilson
intervals of 95 %; then, for the first recipe, the good documents that each rule breaks and the bad
ones, and of both those that no other rule breaks. A good document counts where the stage `language`
takes it for Chinese (the others are named); a bad one that it does not take for Chinese is dropped.
Sections that need a model are left out, and so is the search for duplicates. `--show REASON` prints
beginnings of good documents that break a rule.
"""

from __future__ import annotations

import argparse
import collections
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from zh_sets import Labelled, bad_documents, good_documents

from skypile.curate import annotate
from skypile.policy import broken
from skypile.recipe import Recipe, load_recipe
from skypile.schema import empty_outcomes

Flags = npt.NDArray[np.bool_]
_BATCH = 1000
_Z = 1.96


def breaches(recipe: Recipe, documents: list[Labelled]) -> tuple[dict[str, Flags], Flags]:
    """Return for each reason which documents break a rule of it, and which are Chinese.

    Every rule is tested on every document, whatever other rules say. Rules on `domain` are left
    out: they are what the second array says.
    """
    found: dict[str, list[Flags]] = collections.defaultdict(list)
    chinese = []
    for start in range(0, len(documents), _BATCH):
        part = documents[start : start + _BATCH]
        columns = {
            "text": pa.array([document.text for document in part], pa.large_string()),
            "prog_lang": pa.nulls(len(part), pa.string()),
        }
        batch = pa.RecordBatch.from_pydict(columns | empty_outcomes(len(part)))
        hits: dict[str, Flags] = {}
        for step in recipe.steps:
            batch = annotate(batch, step.stages)
            for rule in step.rules:
                if rule.column != "domain" and "zh" in (rule.domain or ("zh",)):
                    hits[rule.reason] = hits.get(rule.reason, False) | broken(rule, batch)
        for reason, hit in hits.items():
            found[reason].append(hit)
        chinese.append(np.array([name == "zh" for name in batch.column("domain").to_pylist()]))
    return {reason: np.concatenate(hit) for reason, hit in found.items()}, np.concatenate(chinese)


def share(part: int, whole: int) -> str:
    """Return a share in percent with its interval (Wilson 1927), or a dash."""
    if not whole:
        return "-"
    rate, z2 = part / whole, _Z * _Z / whole
    middle = (rate + z2 / 2) / (1 + z2)
    half = _Z * np.sqrt(rate * (1 - rate) / whole + z2 / whole / 4) / (1 + z2)
    low, high = max(middle - half, 0), min(middle + half, 1)
    return f"{100 * rate:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def groups(documents: list[Labelled], *, good: bool) -> dict[tuple[str, str], Flags]:
    """Return which documents are in each group: registers, or sources and kinds."""
    names = [("" if each.good else each.source, each.group) if each.good is good else None
             for each in documents]  # fmt: skip
    found = sorted({name for name in names if name})
    return {name: np.array([each == name for each in names]) for name in found}


def print_groups(documents: list[Labelled], judged: dict[str, tuple[Flags, Flags]]) -> None:
    """Print both tables: one column of shares for each recipe."""
    heads = " | ".join(judged)
    print(f"\n| register | documents | not zh | {heads} |\n|---|---|---|{'---|' * len(judged)}")
    chinese = next(iter(judged.values()))[1]
    for (_, name), member in groups(documents, good=True).items():
        counted = member & chinese
        cells = [share(int((counted & ~gone).sum()), int(counted.sum()))
                 for gone, _ in judged.values()]  # fmt: skip
        others = int((member & ~chinese).sum())
        print(f"| {name} | {int(counted.sum()):,} | {others} | {' | '.join(cells)} |")
    print(f"\n| source | kind | documents | {heads} |\n|---|---|---|{'---|' * len(judged)}")
    bad = groups(documents, good=False)
    sources = sorted({source for source, _ in bad})
    for source in sources:
        bad[(source, "**all**")] = np.any([bad[key] for key in bad if key[0] == source], axis=0)
    for (source, kind), member in sorted(bad.items()):
        cells = [share(int((member & (gone | ~zh)).sum()), int(member.sum()))
                 for gone, zh in judged.values()]  # fmt: skip
        print(f"| {source} | {kind} | {int(member.sum()):,} | {' | '.join(cells)} |")


def print_rules(documents: list[Labelled], hits: dict[str, Flags], chinese: Flags) -> None:
    """Print what each rule breaks, and what it alone breaks."""
    good = np.array([each.good for each in documents]) & chinese
    bad = np.array([not each.good for each in documents])
    times = np.sum(list(hits.values()), axis=0)
    print("\n| rule | good broken | by it alone | most in | bad broken | by it alone |")
    print("|---|---|---|---|---|---|")
    registers = groups(documents, good=True)
    for reason, hit in hits.items():
        alone = hit & (times == 1)
        worst = max(registers, key=lambda key: (hit & registers[key] & chinese).sum()
                    / max(int((registers[key] & chinese).sum()), 1))  # fmt: skip
        lost = int((hit & registers[worst] & chinese).sum())
        where = f"{worst[1]} ({lost})" if lost else ""
        numbers = [int((each & side).sum()) for side in (good, bad) for each in (hit, alone)]
        print(
            f"| `{reason}` | {numbers[0]} | {numbers[1]} | {where} | {numbers[2]} | {numbers[3]} |"
        )


def print_sources(documents: list[Labelled], gone: Flags) -> None:
    """Print the bad documents that stay, by source and kind, by their beginnings."""
    for document, dropped in zip(documents, gone, strict=True):
        if not document.good and not dropped:
            start = document.text[:80].replace("\n", "/")
            print(f"   [{document.source}, {document.group}] {start}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", action="append", default=[])
    parser.add_argument("--half", choices=("tune", "heldout"), default="heldout")
    parser.add_argument("--count", type=int, default=60, help="made-up pages of each kind")
    parser.add_argument("--missed", action="store_true", help="print bad documents that stay")
    parser.add_argument("--show", default="", help="print good documents that break this rule")
    options = parser.parse_args()
    data = Path(os.environ["SKYPILE_SHARED"]) / "data"
    documents = [each for each in (*good_documents(data), *bad_documents(data, options.count))
                 if each.half == options.half]  # fmt: skip
    judged: dict[str, tuple[Flags, Flags]] = {}
    first: dict[str, Flags] = {}
    for name in options.recipe or ["zh_v1"]:
        hits, chinese = breaches(load_recipe(name), documents)
        first = first or hits
        judged[Path(name).stem] = (np.any(list(hits.values()), axis=0), chinese)
    print_groups(documents, judged)
    gone, chinese = next(iter(judged.values()))
    print_rules(documents, first, chinese)
    for document, hit in zip(documents, first.get(options.show, []), strict=False):
        if hit and document.good:
            print(f"   [{document.group}] {document.text[:120]!r}")
    if options.missed:
        print_sources(documents, gone | ~chinese)


if __name__ == "__main__":
    main()
