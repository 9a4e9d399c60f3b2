"""How good the labels are that `skypile label` makes of lexicons alone, by head, language, source.

    python benchmarks/label_lexicons.py --data DIR

No row is trained on and no judgement given: the votes are those of word lists as they come (the
default lexicon of stage `lexicon`, LDNOOBW, konsheng, fwwdn; DIR/lexicons), with confidences that
were stated beforehand, and the rows are those of DIR/labels/{porn,politics,toxicity} and, for ads,
of DIR/labels/quality, train and dev together. The command itself is run, on one file of all rows;
what it says is compared with the sets' labels. Intervals are Wilson's, 95 %. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from classifiers.data import read_rows
from classifiers.measures import wilson

HEADS: Final = ("porn", "politics", "ads", "toxicity")
# Lists by category and language; each list votes for itself, so that two that agree count twice
# only where they are not of one origin (konsheng's and fwwdn's share most of their entries).
LISTS: Final[dict[str, tuple[str, ...]]] = {
    "porn_ldnoobw": ("ldnoobw/en", "ldnoobw/zh"),
    "porn_zh": ("konsheng/色情类型.txt", "konsheng/色情词库.txt", "fwwdn/色情类.txt"),
    "politics_zh": ("konsheng/政治类型.txt", "konsheng/反动词库.txt", "fwwdn/政治类.txt"),
    "ads_zh": ("konsheng/广告类型.txt", "fwwdn/广告.txt"),
}

_SPAM: Final = ("黑产广告", "博彩", "欺诈")


def _yes(name: str, category: str, least: int, confidence: float, group: str) -> dict[str, Any]:
    column = f"lexicon_{category}_distinct_count"
    return {
        "name": name, "column": column, "min": least, "label": True,
        "confidence": confidence, "group": group,
    }  # fmt: skip


def _no(category: str, confidence: float) -> list[dict[str, Any]]:
    silent = {"max": 0, "label": False}
    column = f"lexicon_{category}_distinct_count"
    return [{"name": f"no_{category}", "column": column, "confidence": confidence, **silent}]


def votes(lexicons: Path) -> dict[str, Any]:
    """Return the file of votes. One term is weak evidence, two different ones are more."""

    def ladder(category: str, *confidences: float) -> list[dict[str, Any]]:
        return [
            _yes(f"{category}_{least}", category, least, confidence, category)
            for least, confidence in enumerate(confidences, 1)
        ]

    lists = {name: [str(lexicons / file) for file in files] for name, files in LISTS.items()}
    return {
        "stages": [
            {"stage": "counts"},
            {"stage": "language"},
            {"stage": "lexicon", "files": ["default"], "lists": lists, "allow": ["default"]},
        ],
        "heads": {
            "porn": {
                "prior": 0.1,
                "votes": ladder("porn", 0.85, 0.95)
                + ladder("porn_ldnoobw", 0.7, 0.85, 0.95)
                + ladder("porn_zh", 0.7, 0.9)
                + _no("porn", 0.8),
            },
            "politics": {
                "prior": 0.2,
                "votes": ladder("politics", 0.8, 0.9, 0.95)
                + ladder("politics_zh", 0.7, 0.85)
                + _no("politics", 0.75),
            },
            "ads": {
                "prior": 0.2,
                "votes": ladder("ads", 0.85, 0.95)
                + ladder("gambling", 0.9, 0.97)
                + ladder("ads_zh", 0.75, 0.9)
                + _no("ads", 0.75),
            },
            "toxicity": {
                "prior": 0.3,
                "votes": ladder("porn_ldnoobw", 0.75, 0.85) + _no("porn_ldnoobw", 0.7),
            },
        },
    }  # fmt: skip


def rows(labels: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows with the head that each is labelled for, and whether it is so."""
    for head in HEADS:
        name = "quality" if head == "ads" else head
        for split in ("train", "dev"):
            for row in read_rows(labels / name / f"{split}.jsonl.zst"):
                label = row["label"]
                if head == "ads":
                    # Page furniture is bad, but no advertisement; of it nothing is known.
                    is_spam = row.get("label_fine") in _SPAM or row["source"].startswith("UCI")
                    if label == 0 and not is_spam:
                        continue
                    label = 1 - label
                yield row | {"head": head, "label": label}


def share(right: int, count: int) -> str:
    """Return a share with Wilson's interval of 95 %."""
    if not count:
        return ""
    low, high = wilson(right, count)
    return f"{right / count:.3f} ({low:.3f} to {high:.3f})"


def labelled(every: list[dict[str, Any]], lexicons: Path) -> dict[str, dict[str, Any]]:
    """Return what the command says of each row, by its id."""
    with tempfile.TemporaryDirectory() as folder:
        pages, spec, out = (Path(folder) / name for name in ("rows.jsonl", "votes.yaml", "out"))
        out = out.with_suffix(".jsonl")
        spec.write_text(yaml.safe_dump(votes(lexicons), allow_unicode=True), "utf-8")
        with pages.open("w", encoding="utf-8") as file:
            for number, row in enumerate(every):
                told = {"id": str(number), "text": row["text"], "source": row["source"]}
                file.write(json.dumps(told, ensure_ascii=False) + "\n")
        command = [sys.executable, "-m", "skypile", "label", str(pages), "--votes", str(spec)]
        subprocess.run([*command, "--output", str(out)], check=True)
        with out.open(encoding="utf-8") as file:
            return {found["id"]: found for found in map(json.loads, file)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    every = list(rows(args.data / "labels"))
    told = labelled(every, args.data / "lexicons")
    cells: dict[tuple[str, str, str], list[tuple[int, float | None]]] = defaultdict(list)
    for number, row in enumerate(every):
        probability = told.get(str(number), {}).get(row["head"])
        for source in ("**all**", row["source"].partition(" (")[0]):
            cells[row["head"], row["lang"], source].append((row["label"], probability))
    print(
        "| head | language | source | rows | so | labelled | yes: precision | recall | no: right |"
    )
    print("|---|---|---|--:|--:|--:|---|---|---|")
    for key in sorted(cells, key=lambda key: (HEADS.index(key[0]), key[1:])):
        of = cells[key]
        so = sum(label for label, _ in of)
        yes = [label for label, chance in of if chance is not None and chance >= 0.5]
        no = [label for label, chance in of if chance is not None and chance < 0.5]
        print(
            f"| {' | '.join(key)} | {len(of):,} | {so:,} | {(len(yes) + len(no)) / len(of):.2f} "
            f"| {share(sum(yes), len(yes))} | {share(sum(yes), so)} "
            f"| {share(len(no) - sum(no), len(no))} |"
        )


if __name__ == "__main__":
    main()
