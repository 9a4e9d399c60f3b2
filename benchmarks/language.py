"""Say how often the stages Counts and Language name the right language, label by label.

Usage: SKYPILE_SHARED=DIR python benchmarks/language.py [DIR/data/lid/dev.jsonl.zst]

Prints per label: rows, share named rightly, the most frequent wrong answers; then the share of rows
in other languages that came into domain en or zh, and the seconds of CPU per document.
"""

from __future__ import annotations

import collections
import os
import sys
import time
from pathlib import Path

import orjson
import pyarrow as pa
import zstandard

from skypile.schema import set_columns
from skypile.stages.counts import Counts
from skypile.stages.language import Language

# Near enough for our purpose, and closer than lid.176 can tell them apart.
SAME = {"nb": {"no", "nn", "da"}, "id": {"ms"}, "ms": {"id"}}

# Its translations hold many paragraphs and commands that are English still.
MIXED_SOURCE = "debian:debian-handbook"


def main() -> None:
    """Print the table."""
    shared = Path(os.environ.get("SKYPILE_SHARED", "."))
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else shared / "data/lid/dev.jsonl.zst"
    with path.open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
    rows = [orjson.loads(line) for line in lines]
    batch = pa.RecordBatch.from_pydict(
        {
            "text": pa.array([row["text"] for row in rows], pa.string()),
            "prog_lang": pa.nulls(len(rows), pa.string()),
        }
    )
    stage = Language()
    stage.load()
    batch = set_columns(batch, Counts()(batch))
    start = time.process_time()
    found = stage(batch)
    seconds = time.process_time() - start
    table: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for row, language, domain, script in zip(
        rows, *(found[name].to_pylist() for name in ("language", "domain", "script")), strict=True
    ):
        answer = "code" if domain == "code" else f"zh-{script}" if script else str(language)
        same = answer in SAME.get(row["label"], set())
        table[row["label"]][row["label"] if same else answer] += 1
    for label, answers in sorted(table.items()):
        total = sum(answers.values())
        wrong = [(name, number) for name, number in answers.most_common() if name != label][:4]
        print(f"{label:8} {total:5} {answers[label] / total:7.2%}  {wrong}")
    ours = {"en", "zh-Hans", "zh-Hant", "code"}
    domains = found["domain"].to_pylist()
    others = [
        domain for row, domain in zip(rows, domains, strict=True)
        if row["label"] not in ours and row["source"] != MIXED_SOURCE
    ]  # fmt: skip
    for name in ("en", "zh", "code"):
        share = others.count(name) / len(others)
        print(f"other languages taken for {name}: {share:.2%} of {len(others)} (no handbook)")
    print(f"{len(rows) / seconds:,.0f} snippets per CPU-second (Language alone)")


if __name__ == "__main__":
    main()
