"""Fit the linear router that tells source code from prose, and say how well it does.

Usage: SKYPILE_SHARED=DIR python benchmarks/fit_code_router.py

Reads DIR/data/corpus: rows of code.jsonl.zst against rows of all other files, each whole and as
one window of 300 to 3,000 characters. Even rows fit the coefficients of skypile/stages/language.py
(logistic regression, Newton's method), odd rows are held out. Prints the
coefficients, accuracy, recall of code and, file by file, the share of prose taken for code.
"""

from __future__ import annotations

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


def texts(path: Path) -> list[str]:
    """Return some rows of a file, evenly drawn."""
    with path.open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
    return [orjson.loads(line)["text"] for line in lines[:: max(1, len(lines) // ROWS_PER_FILE)]]


def windows(rows: list[str], seed: int, *, pure: bool) -> Iterator[str]:
    """Yield each text and, if all of the file is `pure`, one window of it, cut at line ends."""
    rng = random.Random(seed)
    for row in rows:
        yield row
        if not pure:
            continue
        start = row.find("\n", rng.randrange(max(1, len(row) - 300))) + 1
        part = row[start : start + rng.randint(300, 3000)]
        yield part[: part.rfind("\n")] if "\n" in part else part


def features(rows: list[str], seed: int, *, pure: bool) -> Floats:
    """Return the features of all windows with at least 100 characters."""
    kept = [text for text in windows(rows, seed, pure=pure) if len(text) >= 100]
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


def main() -> None:
    """Fit on even rows, report on odd ones."""
    folder = Path(os.environ["SKYPILE_SHARED"]) / "data" / "corpus"
    names = sorted(path.name.split(".")[0] for path in folder.glob("*.jsonl.zst"))
    corpus = {name: texts(folder / f"{name}.jsonl.zst") for name in names}
    train = {name: features(corpus[name][::2], 1, pure=name in PURE) for name in names}
    test = {name: features(corpus[name][1::2], 2, pure=name in PURE) for name in names}
    inputs = np.vstack(list(train.values()))
    labels = np.concatenate([np.full(len(train[name]), float(name == "code")) for name in names])
    # Code weighs as much as all prose, and each file of prose as much as any other.
    shares = {name: 1.0 if name == "code" else 1 / (len(names) - 1) for name in names}
    weight = np.concatenate(
        [np.full(len(rows), shares[name] * len(inputs) / len(rows)) for name, rows in train.items()]
    )
    weights = fit(inputs, labels, weight)
    print({name: round(float(each), 2) for name, each in zip(CODE_FEATURES, weights, strict=False)})
    print("bias", round(float(weights[-1]), 2))
    scores = {name: test[name] @ weights[:-1] + weights[-1] for name in names}
    prose = np.concatenate([scores[name] for name in names if name != "code"])
    for threshold in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0):
        recall, false = (scores["code"] > threshold).mean(), (prose > threshold).mean()
        print(f"score > {threshold}: code recall {recall:.4f}, prose taken for code {false:.5f}")
        print({name: round(float((scores[name] > threshold).mean()), 4) for name in names})


if __name__ == "__main__":
    main()
