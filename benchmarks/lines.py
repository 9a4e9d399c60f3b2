"""Measure how fast the stages that take lines out of texts are, and how much they take.

Usage: SKYPILE_SHARED=DIR NUMBA_NUM_THREADS=1 python benchmarks/lines.py

Prints per corpus file MB of UTF-8 text per CPU-second (process time, the best of five passes, in
which the stages take turns) and the share of all characters that is taken out, for each stage with
its defaults over up to 20 MB of text in batches of 4 MB, compiled beforehand.
"""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from skypile.ledger import removed_chars
from skypile.stage import Stage
from skypile.stages.lines import BoilerplateLines, C4Lines, RefinedwebLines

FILES = ("en_prose_nltk", "en_docs", "zh_news", "zh_tech_lctt", "zh_classical")
STAGES: tuple[Stage, ...] = (C4Lines(), RefinedwebLines(), BoilerplateLines())
MAX_BYTES, BATCH_BYTES = 20_000_000, 4_000_000


def batches(path: Path) -> list[pa.RecordBatch]:
    """Return the first 20 MB of text of a file."""
    with path.open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
    texts = pa.array([orjson.loads(line)["text"] for line in lines], pa.string())
    ends = pc.cumulative_sum(pc.binary_length(texts).cast(pa.int64())).to_numpy()
    borders = [int(ends.searchsorted(size)) for size in range(0, MAX_BYTES, BATCH_BYTES)]
    parts = [texts.slice(a, b - a) for a, b in itertools.pairwise(borders)]
    return [pa.RecordBatch.from_pydict({"text": part}) for part in parts if len(part)]


def main() -> None:
    """Print the table."""
    folder = Path(os.environ["SKYPILE_SHARED"]) / "data" / "corpus"
    print("| file | MB | " + " | ".join(f"{each.name} | taken out" for each in STAGES) + " |")
    print("|---|---|" + "---|---|" * len(STAGES))
    for name in FILES:
        parts = batches(folder / f"{name}.jsonl.zst")
        size = sum(pc.sum(pc.binary_length(part["text"])).as_py() for part in parts)
        chars = sum(pc.sum(pc.utf8_length(part["text"])).as_py() for part in parts)
        best = dict.fromkeys((each.name for each in STAGES), float("inf"))
        gone = dict.fromkeys(best, 0)
        for stage in STAGES * 5:
            start = time.process_time()
            found = [stage(part) for part in parts]
            best[stage.name] = min(best[stage.name], time.process_time() - start)
            sums = [removed_chars(pa.RecordBatch.from_pydict(columns)) for columns in found]
            gone[stage.name] = sum(one.total() for one in sums)
        cells = [f"{size / 1e6 / best[n]:.0f} | {gone[n] / chars:.1%}" for n in best]
        print(f"| {name} | {size / 1e6:.1f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
