"""Fit the linear router that tells source code from prose, and say how well it does.

Usage: SKYPILE_SHARED=DIR python benchmarks/fit_code_router.py [--by-source]

Reads DIR/data/corpus: rows of code.jsonl.zst against rows of all other files, each whole and as
one window of 300 to 3,000 characters. Even rows fit the coefficients of skypile/stages/language.py
(logistic regression, Newton's method), odd rows are held out. Prints the
coefficients, accuracy, recall of code and, file by file, the share of prose taken for code.

With `--by-source` each source is scored, by whole rows, with coefficients fitted on the others:
what to expect of a kind of text that no fit has seen. It is the harder test, above all for TeX and
for manual pages.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import zstandard

from skypile.stages.counts import Counts
from skypile.stages.language import CODE_FEATURES, code_features

Floats = npt.NDArray[np.float64]

ROWS_PER_FILE = 2500
RIDGE = 1e-6
# Pages without blocks of code: only their windows are prose for certain.
PURE = ("code", "en_books", "en_prose_nltk", "other_langs", "zh_classical", "zh_news")


def rows(path: Path) -> list[dict[str, str]]:
    """Return some rows of a file, evenly drawn."""
    with path.open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
    return [orjson.loads(line) for line in lines[:: max(1, len(lines) // ROWS_PER_FILE)]]


def windows(texts: list[str], seed: int, *, pure: bool) -> Iterator[str]:
    """Yield each text and, if all of the file is `pure`, one window of it, cut at line ends."""
    rng = random.Random(seed)
    for text in texts:
        yield text
        if not pure:
            continue
        start = text.find("\n", rng.randrange(max(1, len(text) - 300))) + 1
        part = text[start : start + rng.randint(300, 3000)]
        yield part[: part.rfind("\n")] if "\n" in part else part


def features(texts: list[str], seed: int, *, pure: bool) -> Floats:
    """Return the features of all windows with at least 100 characters."""
    kept = [text for text in windows(texts, seed, pure=pure) if len(text) >= 100]
    batch = pa.RecordBatch.from_pydict({"text": pa.array(kept, pa.large_string())})
    return code_features(pa.RecordBatch.from_pydict(Counts()(batch)))


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
        if np.abs(step).max() < 1e-8:
            break
    return found


def weighted(groups: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats, Floats]:
    """Return inputs, labels and weights of the rows of (file, source) -> features.

    Code weighs as much as all prose, and each file of prose as much as any other.
    """
    sizes: collections.Counter[str] = collections.Counter()
    for (name, _), found in groups.items():
        sizes[name] += len(found)
    total, prose = sum(sizes.values()), len(sizes) - ("code" in sizes)
    shares = {name: 1.0 if name == "code" else 1 / prose for name in sizes}
    labels = [np.full(len(found), float(name == "code")) for (name, _), found in groups.items()]
    weight = [
        np.full(len(found), shares[name] * total / sizes[name])
        for (name, _), found in groups.items()
    ]
    return np.vstack(list(groups.values())), np.concatenate(labels), np.concatenate(weight)


def report(scores: dict[tuple[str, str], Floats]) -> None:
    """Print recall of code and prose taken for code at several thresholds, then group by group."""
    code = np.concatenate([found for (name, _), found in scores.items() if name == "code"])
    prose = np.concatenate([found for (name, _), found in scores.items() if name != "code"])
    for threshold in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0):
        recall, false = (code > threshold).mean(), (prose > threshold).mean()
        print(f"score > {threshold}: code recall {recall:.4f}, prose taken for code {false:.5f}")
        print(
            {
                ":".join(filter(None, key)): round(float((found > threshold).mean()), 4)
                for key, found in scores.items()
                if (found > threshold).any()
            }
        )


def by_source(corpus: dict[str, list[dict[str, str]]]) -> None:
    """Score each source with coefficients fitted on all others; report on all of them together."""
    texts: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
    for name, entries in corpus.items():
        for row in entries:
            texts[name, row["source"]].append(row["text"])
    groups = {key: features(part, 0, pure=False) for key, part in texts.items()}
    groups = {key: found for key, found in groups.items() if len(found)}
    # A repository is one source, whichever of its parts or languages it is.
    root = {key: key[1].split("/")[0] for key in groups}
    scores = {}
    for each in sorted(set(root.values())):
        rest = {key: found for key, found in groups.items() if root[key] != each}
        weights = fit(*weighted(rest))
        for key, found in groups.items():
            if root[key] == each:
                scores[key] = found @ weights[:-1] + weights[-1]
    report(scores)


def by_row(corpus: dict[str, list[dict[str, str]]]) -> None:
    """Fit on even rows, print the coefficients, report on odd rows."""
    texts = {name: [row["text"] for row in found] for name, found in corpus.items()}
    train = {(name, ""): features(texts[name][::2], 1, pure=name in PURE) for name in texts}
    test = {(name, ""): features(texts[name][1::2], 2, pure=name in PURE) for name in texts}
    weights = fit(*weighted(train))
    print({name: round(float(each), 2) for name, each in zip(CODE_FEATURES, weights, strict=False)})
    print("bias", round(float(weights[-1]), 2))
    report({name: found @ weights[:-1] + weights[-1] for name, found in test.items()})


def main() -> None:
    """Read the rows and run the fit that the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--by-source", action="store_true")
    options = parser.parse_args()
    folder = Path(os.environ["SKYPILE_SHARED"]) / "data" / "corpus"
    corpus = {path.name.split(".")[0]: rows(path) for path in sorted(folder.glob("*.jsonl.zst"))}
    if options.by_source:
        by_source(corpus)
    else:
        by_row(corpus)


if __name__ == "__main__":
    main()
