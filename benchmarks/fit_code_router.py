"""Fit the linear router that tells source code from prose, and say how well it does.

Usage: python benchmarks/fit_code_router.py $SKYPILE_SHARED/data [--coefficients]

Code are the files of code.jsonl.zst and fenced blocks that name a programming language; prose are
the rows of all other files. Besides whole documents there are windows of 60 to 3,000 characters,
cut anywhere: two of each program, one of every other page, without its fenced blocks. What is
labelled (benchmarks/labelled.py) is the whole: windows of pages that hold unmarked code (manual
pages, handbooks) are left out, and so are windows of programs that are mostly sentences, from the
midst of a comment. Windows only help to fit; what is reported are whole documents and blocks of
over 200 characters.

Each group of one source, kind and label weighs as much as the root of its size, and code as much as
prose; a group has up to 1,200 texts. Logistic regression with a ridge, by Newton's method.

Prints Markdown: how many are right when the coefficients were fitted on all texts, and when they
were fitted without any text of the same root, which is a repository or Debian package with all its
languages (all of the LibreOffice help is one, all manual pages are another). `--coefficients`
prints the lines for skypile/stages/code_router.py as well.
"""

from __future__ import annotations

import argparse
import collections
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from labelled import FENCE, Document, blocks, corpus, is_markdown

from skypile.stages.code_router import CODE_WEIGHTS, code_features, short_penalty

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

RIDGE = 1e-4
GROUP_TEXTS = 1200
LEAST_CHARS, LONG_CHARS = 60, 200
# Pages that hold code without a mark of it: a window may be code.
UNMARKED_CODE = ("manpages", "handbook", "reference", "maint-guide")
MOSTLY_SENTENCES = 0.4


@dataclass(frozen=True)
class Text:
    """A text to fit or to judge by."""

    text: str
    is_code: bool
    source: str
    kind: str

    @property
    def root(self) -> str:
        """What is held out together."""
        for name in ("manpages", "libreoffice-help", "debian-handbook", "librust", "golang"):
            if name in self.source:
                return name
        return self.source.split("/")[0]


def windows(text: str, number: int, rng: random.Random) -> Iterator[str]:
    """Yield windows of 60 to 3,000 characters, shorter ones as likely as longer ones."""
    for _ in range(number):
        size = int(LEAST_CHARS * (3000 / LEAST_CHARS) ** rng.random())
        start = rng.randrange(max(1, len(text) - size))
        yield text[start : start + size]


def texts(pages: list[Document], rng: random.Random) -> Iterator[Text]:
    """Yield the texts of one file of the corpus."""
    for page in pages:
        if page.table == "mixed":
            continue
        is_code = page.expected == "code"
        yield Text(page.text, is_code, page.source, "whole")
        if any(name in page.source for name in UNMARKED_CODE):
            continue
        prose = FENCE.sub("", page.text) if is_markdown(page.source) else page.text
        for window in windows(prose, 2 if is_code else rng.randrange(2), rng):
            yield Text(window, is_code, page.source, "window")
    for block in blocks(pages, LEAST_CHARS):
        if block.table == "goal":
            yield Text(block.text, True, block.source, "block")


def features(found: list[Text]) -> Floats:
    """Return (texts, features)."""
    parts = []
    for start in range(0, len(found), 2000):
        part = pa.array([each.text for each in found[start : start + 2000]], pa.large_string())
        parts.append(code_features(part, np.arange(len(part))))
    return np.vstack(parts)


def fit(inputs: Floats, labels: Floats, weight: Floats) -> Floats:
    """Return the weights (features + 1,) of the ridge logistic regression, bias last."""
    design = np.hstack([inputs, np.ones((len(inputs), 1))])
    found = np.zeros(design.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        gradient = design.T @ (weight * (labels - chance)) - RIDGE * len(labels) * found
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design
        curvature += RIDGE * len(labels) * np.eye(design.shape[1])
        step = np.linalg.solve(curvature, gradient)
        found = found + step
        if np.abs(step).max() < 1e-4:
            break
    return found


def weights_of(found: list[Text], usable: Flags) -> Floats:
    """Return the weight of each text, 0 where it is not to be used."""
    groups = [(each.source, each.kind, each.is_code) for each in found]
    seen: collections.Counter[tuple[str, str, bool]] = collections.Counter()
    for at, group in enumerate(groups):
        if usable[at]:
            usable[at] = seen[group] < GROUP_TEXTS
            seen[group] += 1
    sizes = np.array([min(seen[group], GROUP_TEXTS) for group in groups])
    return np.where(usable, 1 / np.sqrt(np.maximum(sizes, 1)), 0.0)


def balanced(weight: Floats, is_code: Flags) -> Floats:
    """Return weights by which code counts as much as prose."""
    half = len(weight) / 2
    code, prose = weight[is_code].sum(), weight[~is_code].sum()
    found: Floats = np.where(is_code, weight * half / code, weight * half / prose)
    return found


def report(title: str, found: list[Text], right: Flags, long: Flags) -> None:
    """Print shares right, by kind, and for sources below 99 %."""
    table: dict[tuple[str, ...], list[bool]] = collections.defaultdict(list)
    for at in np.flatnonzero(long).tolist():
        each = found[at]
        if each.kind != "window":
            name = "code" if each.is_code else "prose"
            table[name, each.kind, "all"].append(bool(right[at]))
            table[name, each.kind, each.source].append(bool(right[at]))
    print(f"\n{title}:\n\n| label | kind | source | texts | right |\n|---|---|---|---|---|")
    for key, values in sorted(table.items(), key=lambda item: (item[0][2] != "all", item[0])):
        share = sum(values) / len(values)
        if key[2] == "all" or share < 0.99:
            print(f"| {' | '.join(key)} | {len(values):,} | {share:.2%} |")


def main() -> None:
    """Read the texts, fit, and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--coefficients", action="store_true")
    options = parser.parse_args()
    rng = random.Random(0)
    found = [
        text for _, pages in corpus(options.data / "corpus") for text in texts(pages, rng)
        if len(text.text) >= LEAST_CHARS
    ]  # fmt: skip
    inputs = features(found)
    is_code = np.array([each.is_code for each in found])
    roots = np.array([each.root for each in found])
    sentences = inputs[:, list(CODE_WEIGHTS).index("page_prose")] > MOSTLY_SENTENCES
    part = np.array([each.kind == "window" for each in found])
    weight = weights_of(found, ~(part & is_code & sentences))
    labels = is_code.astype(np.float64)
    solid = np.array([sum(map(len, each.text.split())) for each in found], np.float64)
    penalty = short_penalty(solid)
    long = np.array([len(each.text) > LONG_CHARS for each in found])

    whole = fit(inputs, labels, balanced(weight, is_code))
    if options.coefficients:
        names = [*CODE_WEIGHTS, "bias"]
        print("\n".join(f'    "{n}": {w:.2f},' for n, w in zip(names, whole, strict=True)))
    scores = inputs @ whole[:-1] + whole[-1] - penalty
    report("Fitted on all texts", found, (scores > 0) == is_code, long)
    for root in sorted(set(roots)):
        out = roots == root
        used = ~out & (weight > 0)
        others = fit(inputs[used], labels[used], balanced(weight[used], is_code[used]))
        scores[out] = inputs[out] @ others[:-1] + others[-1] - penalty[out]
    report("Fitted without the text's root", found, (scores > 0) == is_code, long)


if __name__ == "__main__":
    main()
