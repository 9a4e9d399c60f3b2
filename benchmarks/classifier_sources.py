"""How the default classifier does on sources that it never saw, beside a floor and fastText.

    python benchmarks/classifier_sources.py --data DIR --peer PYTHON --output FILE.json
        [--model FOLDER] [--without SOURCE ...] [--seed N] [--weak N] [--peer-scores FILE]

Three classifiers are trained on the same rows and judged on the same rows (`classifiers.judged`):
the model, which stands in FOLDER already (default: the shipped one); hashed character 1- to
3-grams with logistic regression, the floor; and fastText with words, pairs and subwords. Beside
them stands "within": the floor's grams trained on the judged rows themselves, four fifths for each
fifth, which tells how far words go where no other source is in between. PYTHON is
an interpreter with scikit-learn and fasttext (`pip install scikit-learn fasttext-wheel "numpy<2"`):
the package fasttext cannot live beside fasttext-predict. --without must be what the model was
trained without: `python -m classifiers.train --without SOURCE ...`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.data import HEADS, Document
from classifiers.disguise import disguised
from classifiers.evaluate import score_documents, write_metrics
from classifiers.judged import Judged, figures, judged_documents
from classifiers.model import load
from classifiers.plan import training_documents

_PEER = Path(__file__).with_name("classifier_floor_peer.py")
_DISGUISED_MAX_CHARS = 600
_KINDS = ("floor", "fasttext", "within", "bert")


def _write_rows(
    path: Path, documents: Sequence[Document], parts: Sequence[str | None] | None = None
) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number, doc in enumerate(documents):
            labels = [None if math.isnan(label) else label for label in doc.labels]
            part = parts[number] if parts is not None and number < len(parts) else None
            row = {"text": doc.text, "labels": labels, "part": part}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _peer_scores(
    args: argparse.Namespace,
    train: Sequence[Document],
    judged: Sequence[Document],
    parts: Sequence[str],
) -> dict[str, Any]:
    """Return what the floor and fastText, trained on `train`, say of `judged`, and "within".

    `parts` are those of the first of `judged`.
    """
    key = hashlib.sha256(repr((train, judged, parts)).encode()).hexdigest()
    kept: Path | None = args.peer_scores
    if kept is not None and kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if found["rows"] == key:
            return found
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("train.jsonl", "judged.jsonl", "scores.json")]
        _write_rows(paths[0], train)
        _write_rows(paths[1], judged, parts)
        subprocess.run([args.peer, str(_PEER), *map(str, paths)], check=True)
        found = json.loads(paths[2].read_text(encoding="utf-8")) | {"rows": key}
    if kept is not None:
        kept.write_text(json.dumps(found), encoding="utf-8")
    return found


def _in_disguise(judged: Judged) -> list[Document]:
    """Return the judged documents as spammers would write them, each in one drawn disguise."""

    rng = random.Random(0)
    return [
        Document(disguised(rng, doc.text, doc.lang), doc.lang, doc.source, doc.license, doc.labels)
        for doc in judged.documents
    ]


def _disguisable(judged: Judged) -> np.ndarray:
    """Return the numbers of short documents on which porn, ads or toxicity is known."""
    heads = [HEADS.index(name) for name in ("porn", "ads", "toxicity")]
    known = ~np.isnan([[doc.labels[head] for head in heads] for doc in judged.documents])
    short = np.array([len(doc.text) <= _DISGUISED_MAX_CHARS for doc in judged.documents])
    found: np.ndarray = np.flatnonzero(known.any(axis=1) & short)
    return found


def table(results: dict[str, list[dict[str, Any]]]) -> str:
    """Return the AUCs of the four, side by side, as a Markdown table."""
    lines = [
        "| head | language | sources | positives | negatives "
        "| 1-3-grams | fastText | within | BERT |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for found in zip(*(results[kind] for kind in _KINDS), strict=True):
        cells = [f"{x['auc']:.3f} ({x['low']:.2f}-{x['high']:.2f})" for x in found]
        bert = found[-1]
        lines.append(
            f"| {bert['head']} | {bert['lang']} | {bert['part']} | {bert['positives']}"
            f" | {bert['negatives']} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Train the peers, score with all three, write the figures and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", required=True, help="an interpreter with fasttext, scikit-learn")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--peer-scores", type=Path, help="kept here, and taken from here")
    parser.add_argument("--into", type=Path, help="a model's folder, for its card")
    parser.add_argument("--model", default="default")
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--weak", type=int, default=4000)
    args = parser.parse_args()
    judged = judged_documents(args.data, args.without)
    plain, hidden = list(judged.documents), _in_disguise(judged)
    train = training_documents(args.data, args.seed, args.weak, args.without)
    parts = [
        f"{doc.lang} {is_unseen}" for doc, is_unseen in zip(plain, judged.is_unseen, strict=True)
    ]
    peers = _peer_scores(args, train, plain + hidden, parts)
    scorer = load(args.model, threads=1, device="cpu", cascade=False)
    order = [scorer.labels.index(name) for name in HEADS if name in scorer.labels]
    there = np.array([HEADS.index(name) for name in HEADS if name in scorer.labels])
    scores = {kind: np.array(peers[kind]) for kind in _KINDS[:-1]}
    chosen = _disguisable(judged)
    bert = np.zeros(scores["floor"].shape)
    bert[: len(plain), there] = score_documents(scorer, plain)[:, order]
    found_hidden = score_documents(scorer, [hidden[at] for at in chosen])
    bert[np.ix_(len(plain) + chosen, there)] = found_hidden[:, order]
    scores["bert"] = bert
    found: dict[str, Any] = {"without": args.without, "versions": peers["versions"]}
    kinds_of_rows = {"plain": np.arange(len(plain)), "not disguised": chosen}
    for name, rows in {**kinds_of_rows, "disguised": len(plain) + chosen}.items():
        of = rows % len(plain)
        part = Judged(tuple(plain[at] for at in of), judged.is_unseen[of])
        found[name] = {
            kind: [row for row in figures(scores[kind][rows], part) if row["head"] in scorer.labels]
            for kind in _KINDS
        }
        print(f"\n{name}\n\n{table(found[name])}")
    args.output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if args.into is not None:
        _into(args.into, args.without, found["plain"])


def _into(folder: Path, without: Sequence[str], plain: dict[str, list[dict[str, Any]]]) -> None:
    """Put the figures on unseen sources into a model's metrics.json, for the table of its card.

    Of a model that some sources were kept from, those on heads and languages that they are of.
    """
    path = folder / "metrics.json"
    known = json.loads(path.read_text(encoding="utf-8")).get("unseen", {})
    wanted = {
        (row["head"], row["lang"])
        for row in plain["bert"]
        if row["part"] == "unseen"
        and (not without or any(name.startswith(tuple(without)) for name in row["by_source"]))
    }
    known["a part" if without else "all"] = {
        kind: [
            row for row in rows
            if row["part"] == "unseen" and (row["head"], row["lang"]) in wanted
        ]
        for kind, rows in plain.items()
    }  # fmt: skip
    write_metrics(folder, {"unseen": known})


if __name__ == "__main__":
    main()
