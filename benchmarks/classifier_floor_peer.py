"""The floor and fastText on given rows, in an environment of its own: scikit-learn and fasttext.

    python benchmarks/classifier_floor_peer.py TRAIN.jsonl JUDGED.jsonl SCORES.json [--threads N]

Each line has `text` and `labels` (a list by head: 1, 0 or null), of JUDGED also `part` (a name, or
null). SCORES gets {"floor": [[score by head] by row], "fasttext": ..., "within": ..., "versions":
{...}}.

floor: logistic regression over hashed character 1- to 3-grams, by averaged SGD, classes weighed
alike. within: the same, trained not on TRAIN but on four fifths of the rows of JUDGED that are of
the same part, for each fifth: what the judged sets' own words say of their labels. fasttext:
supervised, words and pairs of words (Chinese by characters), subwords of 2 to 4.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import sklearn
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

_MAX_CHARS = 1000
_FOLDS = 5
_HAN = re.compile(r"([\u3400-\u9fff])")


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _grams(texts: list[str]) -> Any:
    grams = HashingVectorizer(
        analyzer="char", ngram_range=(1, 3), n_features=1 << 20, alternate_sign=False, norm="l2"
    )
    return grams.transform(texts)


def _regression() -> SGDClassifier:
    return SGDClassifier(
        loss="log_loss",
        alpha=1e-6,
        class_weight="balanced",
        average=True,
        max_iter=10,
        tol=None,
        random_state=0,
    )


def _floor(train: list[str], labels: np.ndarray, judged: list[str]) -> np.ndarray:
    train_features, judged_features = _grams(train), _grams(judged)
    scores = np.zeros((len(judged), labels.shape[1]))
    for head in range(labels.shape[1]):
        known = ~np.isnan(labels[:, head])
        model = _regression().fit(train_features[known], labels[known, head])
        scores[:, head] = model.decision_function(judged_features)
    return scores


def _within(judged: list[str], labels: np.ndarray, parts: np.ndarray) -> np.ndarray:
    features = _grams(judged)
    scores = np.zeros(labels.shape)
    for head in range(labels.shape[1]):
        for part in set(parts) - {None}:
            rows = np.flatnonzero((parts == part) & ~np.isnan(labels[:, head]))
            values = labels[rows, head]
            if min((values == 1).sum(), (values == 0).sum()) < _FOLDS:
                continue
            folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
            scores[rows, head] = cross_val_predict(
                _regression(), features[rows], values, cv=folds, method="decision_function"
            )
    return scores


def _labels(rows: list[dict[str, Any]]) -> np.ndarray:
    return np.array(
        [[np.nan if x is None else x for x in row["labels"]] for row in rows], dtype=np.float64
    )


def _words(text: str) -> str:
    return " ".join(_HAN.sub(r" \1 ", text.lower()).split()) or "empty"


def _fasttext(train: list[str], labels: np.ndarray, judged: list[str], threads: int) -> np.ndarray:
    train, judged = [_words(text) for text in train], [_words(text) for text in judged]
    scores = np.zeros((len(judged), labels.shape[1]))
    for head in range(labels.shape[1]):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
            order = np.random.default_rng(0).permutation(len(train))
            for row in order:
                if not np.isnan(labels[row, head]):
                    file.write(f"__label__{int(labels[row, head])} {train[row]}\n")
            file.flush()
            model = fasttext.train_supervised(
                file.name, lr=0.3, epoch=5, wordNgrams=2, minn=2, maxn=4, dim=32,
                bucket=1 << 19, thread=threads, verbose=0, seed=0,
            )  # fmt: skip
        found, chances = model.predict(judged, k=2)
        for row, (names, values) in enumerate(zip(found, chances, strict=True)):
            scores[row, head] = dict(zip(names, values, strict=True)).get("__label__1", 0.0)
    return scores


def main() -> None:
    """Train on TRAIN, and within JUDGED, and write what is said of JUDGED."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("judged", type=Path)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    rows, judged_rows = _rows(args.train), _rows(args.judged)
    texts = [row["text"][:_MAX_CHARS] for row in rows]
    labels = _labels(rows)
    judged = [row["text"][:_MAX_CHARS] for row in judged_rows]
    parts = np.array([row["part"] for row in judged_rows], dtype=object)
    found = {
        "floor": _floor(texts, labels, judged).tolist(),
        "fasttext": _fasttext(texts, labels, judged, args.threads).tolist(),
        "within": _within(judged, _labels(judged_rows), parts).tolist(),
        "versions": {"scikit-learn": sklearn.__version__, "fasttext": "0.9.2"},
    }
    args.scores.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
