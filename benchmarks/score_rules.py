"""Precision and recall, by source, of a recipe's rules on the default classifier's scores.

    python benchmarks/score_rules.py --data DIR --output FILE.json [--recipe web]
        [--model FOLDER] [--worst 20]

Rows are the judged ones (`classifiers.judged`): dev rows of sources that the model knows, and all
rows of sources that it does not. A rule of the recipe counts for a head where its column is named
like it; a head without one (politics) is shown at `--cut`. Of each head the worst mistakes are
listed with source, label, length and score, and, but for porn, with how they begin, so that a
person can say of what kind they are.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.data import HEADS
from classifiers.evaluate import score_documents
from classifiers.judged import Judged, judged_documents, short_name
from classifiers.measures import wilson
from classifiers.model import load
from skypile.recipe import load_recipe

_HEADS = ("porn", "politics", "quality")


def _cuts(recipe_name: str, cut: float) -> dict[tuple[str, str], tuple[str, float]]:
    """Return, by head and language, the side (above, below) and the cut of what is rejected."""
    found = {(head, lang): ("above", cut) for head in _HEADS for lang in ("en", "zh")}
    for step in load_recipe(recipe_name).score:
        for rule in step.rules:
            if rule.column in _HEADS:
                side = ("above", rule.max) if rule.max is not None else ("below", rule.min)
                for lang in rule.domain or ("en", "zh"):
                    found[rule.column, lang] = (side[0], float(side[1] or 0))
    return found


def _rejected(scores: np.ndarray, side: str, cut: float) -> np.ndarray:
    rejected: np.ndarray = scores > cut if side == "above" else scores < cut
    return rejected


def _rows(
    scores: np.ndarray, bad: np.ndarray, rejected: np.ndarray, sources: np.ndarray
) -> list[dict[str, Any]]:
    """Return counts by source and over all: bad rows, those rejected, good rows rejected."""
    rows = []
    for source in ["all", *np.unique(sources)]:
        mine = np.ones(len(bad), bool) if source == "all" else sources == source
        hits, wrong = int((bad & rejected & mine).sum()), int((~bad & rejected & mine).sum())
        bad_count, good_count = int((bad & mine).sum()), int((~bad & mine).sum())
        rows.append(
            {
                "source": str(source),
                "bad": bad_count,
                "good": good_count,
                "recall": round(hits / bad_count, 4) if bad_count else None,
                "recall_interval": [round(x, 3) for x in wilson(hits, bad_count)],
                "good_lost": round(wrong / good_count, 4) if good_count else None,
                "good_lost_interval": [round(x, 3) for x in wilson(wrong, good_count)],
                "precision": round(hits / (hits + wrong), 4) if hits + wrong else None,
                "mean": round(float(scores[mine].mean()), 4),
            }
        )
    return rows


def _worst(
    head: str, scores: np.ndarray, bad: np.ndarray, judged: Judged, rows: np.ndarray, count: int
) -> list[dict[str, Any]]:
    """Return the rows whose score is furthest on the wrong side, half of either kind."""
    toward_bad = scores if head != "quality" else 1 - scores
    found = []
    for kind, members, order in (
        ("good, scored bad", np.flatnonzero(~bad), -toward_bad),
        ("bad, scored good", np.flatnonzero(bad), toward_bad),
    ):
        for at in members[np.argsort(order[members], kind="stable")][: count // 2]:
            doc = judged.documents[rows[at]]
            found.append(
                {
                    "kind": kind,
                    "score": round(float(scores[at]), 4),
                    "lang": doc.lang,
                    "source": short_name(doc.source),
                    "chars": len(doc.text),
                    "begins": "" if head == "porn" else " ".join(doc.text[:160].split()),
                }
            )
    return found


def main() -> None:
    """Score the judged rows, print a table by head, language and source, write all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--recipe", default="web")
    parser.add_argument("--model", default="default")
    parser.add_argument("--cut", type=float, default=0.9, help="for heads without a rule")
    parser.add_argument("--worst", type=int, default=20)
    args = parser.parse_args()
    judged, cuts = judged_documents(args.data), _cuts(args.recipe, args.cut)
    scorer = load(args.model, threads=1, device="cpu")
    scores_DL = score_documents(scorer, judged.documents)
    labels_DH = np.array([doc.labels for doc in judged.documents])
    langs = np.array([doc.lang for doc in judged.documents])
    found: dict[str, Any] = {}
    for head in _HEADS:
        known = ~np.isnan(labels_DH[:, HEADS.index(head)])
        for lang in ("en", "zh"):
            side, cut = cuts[head, lang]
            rows = np.flatnonzero(known & (langs == lang))
            scores = scores_DL[rows, scorer.labels.index(head)]
            bad = labels_DH[rows, HEADS.index(head)] == (0 if head == "quality" else 1)
            names = np.array(
                [
                    f"{short_name(judged.documents[at].source)}"
                    f"{' (unseen)' if judged.is_unseen[at] else ''}"
                    for at in rows
                ]
            )
            entry: dict[str, Any] = {
                "rule": f"{head} {side} {cut}",
                "by_source": _rows(scores, bad, _rejected(scores, side, cut), names),
                "worst": _worst(head, scores, bad, judged, rows, args.worst),
            }
            found[f"{head} {lang}"] = entry
            print(f"\n{lang}: {entry['rule']}\n")
            print("| source | bad | good | recall | good lost | precision |")
            print("|---|---|---|---|---|---|")
            for row in entry["by_source"]:
                cells = (row[name] for name in ("recall", "good_lost", "precision"))
                shown = ("" if x is None or math.isnan(x) else f"{x:.3f}" for x in cells)
                print(f"| {row['source']} | {row['bad']} | {row['good']} | {' | '.join(shown)} |")
    args.output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
