"""Say how fast the stages Counts, Language and Repetition are.

Usage: SKYPILE_SHARED=DIR NUMBA_NUM_THREADS=1 python benchmarks/text_statistics.py

Prints MB of UTF-8 text per CPU-second for each stage and for the three together, the best of three
passes over up to 30 MB of a corpus file, in batches of 4 MB, compiled beforehand.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import zstandard

from skypile.schema import set_columns
from skypile.stages.counts import Counts
from skypile.stages.language import Language
from skypile.stages.repetition import Repetition

FILES = ("en_prose_nltk", "en_docs", "zh_tech_lctt", "zh_classical", "code")
STAGES = (Counts(), Language(), Repetition())
MAX_BYTES, BATCH_BYTES = 30_000_000, 4_000_000


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield batches of the first 30 MB of text."""
    with path.open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
    texts: list[str] = []
    size = total = 0
    for line in lines:
        texts.append(orjson.loads(line)["text"])
        size += len(texts[-1].encode())
        if size > BATCH_BYTES:
            yield _batch(texts)
            total += size
            texts, size = [], 0
        if total > MAX_BYTES:
            return
    yield _batch(texts)


def _batch(texts: list[str]) -> pa.RecordBatch:
    rows = len(texts)
    return pa.RecordBatch.from_pydict(
        {"text": pa.array(texts, pa.string()), "prog_lang": pa.nulls(rows, pa.string())}
    )


def seconds(parts: list[pa.RecordBatch]) -> dict[str, float]:
    """Return CPU-seconds by stage."""
    spent = dict.fromkeys((stage.name for stage in STAGES), 0.0)
    for part in parts:
        batch = part
        for stage in STAGES:
            start = time.process_time()
            columns = stage(batch)
            spent[stage.name] += time.process_time() - start
            batch = set_columns(batch, columns)
    return spent


def main() -> None:
    """Print the table."""
    folder = Path(os.environ["SKYPILE_SHARED"]) / "data" / "corpus"
    seconds([_batch(["warm up", "热身"])])
    print("| file | MB | documents | " + " | ".join(each.name for each in STAGES) + " | all |")
    for name in FILES:
        parts = list(batches(folder / f"{name}.jsonl.zst"))
        size = sum(part.column("text").get_total_buffer_size() for part in parts) / 1e6
        rows = sum(part.num_rows for part in parts)
        runs = [seconds(part) for part in (parts, parts, parts)]
        best = {stage: min(run[stage] for run in runs) for stage in runs[0]}
        speeds = [size / best[stage.name] for stage in STAGES] + [size / sum(best.values())]
        cells = " | ".join(f"{speed:.0f}" for speed in speeds)
        print(f"| {name} | {size:.1f} | {rows:,} | {cells} |")


if __name__ == "__main__":
    main()
