"""Evaluation of a classifier on the dev labels: AUC by head and language, thresholds.

Every dev row counts whatever its licence: evaluation ships none of it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from tokenizers import Tokenizer

from classifiers import ClassifierError
from classifiers.data import HEADS, Document, encoded, labelled_documents
from classifiers.model import Scorer, load

__all__ = ["auc", "evaluation", "main", "score_documents", "table", "write_metrics"]

LANGUAGES: Final = ("en", "zh")
_FALSE_SHARES: Final = (0.05, 0.01)


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the exact area under the ROC curve, ties counted as half; NaN without both classes.

    Mann and Whitney 1947: AUC = (rank sum of positives - p (p + 1) / 2) / (p n).
    """
    positive_count = int(positive.sum())
    negative_count = len(positive) - positive_count
    if positive_count == 0 or negative_count == 0:
        return math.nan
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(mean_ranks[inverse][positive].sum())
    pairs = positive_count * negative_count
    return (rank_sum - positive_count * (positive_count + 1) / 2) / pairs


def score_documents(scorer: Scorer, documents: Sequence[Document]) -> np.ndarray:
    """Return the scores of documents, float32 (documents, labels)."""
    tokenizer = Tokenizer.from_file(str(scorer.tokenizer_path))
    ids = encoded(tokenizer, [doc.text for doc in documents])
    offsets = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum([len(x) for x in ids], out=offsets[1:])
    flat = np.concatenate([*ids, np.empty(0, dtype=np.uint32)])
    return scorer.score_ids(flat, offsets)


def _group_figures(scores: np.ndarray, positive: np.ndarray) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "auc": round(auc(scores, positive), 4),
        "positives": int(positive.sum()),
        "negatives": int((~positive).sum()),
    }
    for share in _FALSE_SHARES:
        # "higher" takes a score that occurs, so that at most this share lies above it.
        limit = float(np.quantile(scores[~positive], 1 - share, method="higher"))
        figures[f"score_above_{1 - share:.0%}_of_negatives"] = round(limit, 4)
        figures[f"recall_there_{share:.0%}"] = round(float((scores[positive] > limit).mean()), 4)
    low = float(np.quantile(scores[positive], 0.01, method="lower"))
    figures["score_below_99%_of_positives"] = round(low, 4)
    figures["negatives_below_that_frac"] = round(float((scores[~positive] < low).mean()), 4)
    return figures


def evaluation(scorer: Scorer, documents: Sequence[Document]) -> dict[str, Any]:
    """Return AUC, counts and thresholds by head, language and source, for heads with labels."""
    scores_DL = score_documents(scorer, documents)
    labels_DH = np.array([doc.labels for doc in documents])
    langs = np.array([doc.lang for doc in documents])
    sources = np.array([doc.source.split(" (")[0] for doc in documents])
    result: dict[str, Any] = {}
    for head, name in enumerate(HEADS):
        if name not in scorer.labels:
            continue
        known = ~np.isnan(labels_DH[:, head])
        scores = scores_DL[:, scorer.labels.index(name)]
        positive = labels_DH[:, head] == 1
        result[name] = {"means_by_source": {}}
        for lang in LANGUAGES:
            rows = known & (langs == lang)
            if positive[rows].any() and not positive[rows].all():
                result[name][lang] = _group_figures(scores[rows], positive[rows])
        for source in np.unique(sources[known]):
            for label in (0, 1):
                rows = known & (sources == source) & (positive == bool(label))
                if rows.any():
                    result[name]["means_by_source"][f"{source} = {label}"] = [
                        int(rows.sum()),
                        round(float(scores[rows].mean()), 3),
                    ]
    return result


def table(result: dict[str, Any]) -> str:
    """Return the figures of an evaluation as a Markdown table."""
    lines = [
        "| head | language | positives | negatives | AUC | score above 99 % of negatives"
        " | recall there |",
        "|---|---|---|---|---|---|---|",
    ]
    for head, groups in result.items():
        lines += [
            f"| {head} | {lang} | {g['positives']} | {g['negatives']} | {g['auc']:.3f}"
            f" | {g['score_above_99%_of_negatives']:.3f} | {g['recall_there_1%']:.2f} |"
            for lang, g in groups.items()
            if lang in LANGUAGES
        ]
    return "\n".join(lines)


def write_metrics(folder: Path, parts: dict[str, Any]) -> None:
    """Replace the named parts of a folder's metrics.json, which is written beside and renamed."""
    path = folder / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    metrics.update(parts)
    beside = path.with_suffix(".json.part")
    beside.write_text(json.dumps(metrics, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Score the dev labels, write the figures into metrics.json and print the table."""
    parser = argparse.ArgumentParser(prog="classifiers.evaluate", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds labels/")
    parser.add_argument("--model", default="default", help="'default', a folder or a Hub id")
    parser.add_argument("--output", type=Path, help="folder of metrics.json (default: the model's)")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        scorer = load(args.model, threads=args.threads)
        result = evaluation(scorer, labelled_documents(args.data, "dev", cross=False))
    except ClassifierError as error:
        print(f"classifiers.evaluate: {error}")
        return 1
    write_metrics(args.output or scorer.tokenizer_path.parent, {"dev": result})
    print(table(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
