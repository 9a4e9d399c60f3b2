"""The tables of the default model's card, of what its training and its judgement wrote down.

`python -m classifiers.card --model FOLDER` replaces, in FOLDER/README.md, what stands between
``<!-- NAME -->`` and ``<!-- end -->``, for each NAME of `TABLES`, by the table of that name. The
prose between them is written by hand.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from classifiers import DEFAULT, ClassifierError
from classifiers.data import HEADS
from classifiers.evaluate import LANGUAGES, table

__all__ = ["TABLES", "main", "refreshed"]

_BLOCK: Final = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _thresholds(metrics: Mapping[str, Any]) -> str:
    """Return the cuts at which 1 % of the dev rows that should stay would go."""
    lines = [
        "| head | language | drop if | share of dev positives hit | share of dev negatives hit |",
        "|---|---|---|---|---|",
    ]
    for head, groups in metrics["dev"].items():
        for lang in LANGUAGES:
            if lang not in groups:
                continue
            g = groups[lang]
            if head in ("quality", "stem"):
                cut, name = g["score_below_99%_of_positives"], "below"
                shares = (0.01, g["negatives_below_that_frac"])
            else:
                cut, name = g["score_above_99%_of_negatives"], "above"
                shares = (g["recall_there_1%"], 0.01)
            cells = " | ".join(f"{share:.2f}" for share in shares)
            lines.append(f"| {head} | {lang} | {name} {cut:.3f} | {cells} |")
    return "\n".join(lines)


def _unseen(metrics: Mapping[str, Any]) -> str:
    """Return the AUCs on sources that were not trained on, beside the floor and fastText."""
    lines = [
        "| head | language | trained | positives | negatives | 1-3-grams | fastText | BERT |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in metrics["unseen"].items():
        for floor, fast, bert in zip(
            *(found[k] for k in ("floor", "fasttext", "bert")), strict=True
        ):
            cells = [
                f"{x['auc']:.3f} ({x['low']:.2f}-{x['high']:.2f})" for x in (floor, fast, bert)
            ]
            lines.append(
                f"| {bert['head']} | {bert['lang']} | {name} | {bert['positives']}"
                f" | {bert['negatives']} | {' | '.join(cells)} |"
            )
    return "\n".join(lines)


def _sources(metrics: Mapping[str, Any]) -> str:
    """Return the licence of each source of training rows and how many labels it gave."""
    heads = " | ".join(f"{name} 0/1" for name in HEADS)
    lines = [f"| source | licence | documents | {heads} |", "|---" * (3 + len(HEADS)) + "|"]
    for source, entry in metrics["training"]["sources"].items():
        counts = " | ".join(f"{entry[name][0]}/{entry[name][1]}" for name in HEADS)
        lines.append(f"| {source} | {entry['license']} | {entry['documents']} | {counts} |")
    return "\n".join(lines)


TABLES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "dev": lambda metrics: table(metrics["dev"]),
    "unseen": _unseen,
    "thresholds": _thresholds,
    "sources": _sources,
}


def refreshed(card: str, metrics: Mapping[str, Any]) -> str:
    """Return the card with each marked block replaced; ClassifierError for a name without one."""
    for name in (found[1] for found in _BLOCK.findall(card)):
        if name not in TABLES:
            raise ClassifierError(f"card: <!-- {name} -->: there is no such table")
    return _BLOCK.sub(lambda found: f"{found[1]}{TABLES[found[2]](metrics)}\n{found[3]}", card)


def main(argv: Sequence[str] | None = None) -> int:
    """Replace the tables of a card by those of metrics.json beside it."""
    parser = argparse.ArgumentParser(prog="classifiers.card", description=main.__doc__)
    parser.add_argument("--model", type=Path, default=DEFAULT)
    args = parser.parse_args(argv)
    path = args.model / "README.md"
    metrics = json.loads((args.model / "metrics.json").read_text(encoding="utf-8"))
    beside = path.with_suffix(".md.part")
    beside.write_text(refreshed(path.read_text(encoding="utf-8"), metrics), encoding="utf-8")
    beside.replace(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
