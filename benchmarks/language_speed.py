"""Compare the speed of fastText's lid.176 in SkyPile's kernels with that of the package fasttext.

    python benchmarks/language_speed.py $SKYPILE_SHARED/data [--rounds 5]

Each model, the same file, sees the first 250, 500 and 2,000 characters of the documents of three
files of the corpus, and the snippets of lid, line ends as spaces (the package takes single lines).
That all labels are equal and no probability differs by more than 1e-5 is asserted first. Then both
take turns; documents per CPU-second, the best of the rounds. The package gets Python strings, one
by one (it has no other way); the kernel gets the bytes of an Arrow column. `stage` is the whole
stage Language on the same documents in full, with its statistics computed beforehand: it asks
fastText only where script and stop words do not decide. Prints Markdown.
"""

from __future__ import annotations

import argparse
import io
import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import orjson
import pyarrow as pa
import zstandard

from skypile.kernels.buffers import utf8_view
from skypile.kernels.fasttext_model import load_fasttext
from skypile.schema import set_columns
from skypile.stages.counts import Counts
from skypile.stages.language import Language, _model_path

FILES = ("corpus/en_prose_nltk", "corpus/zh_tech_goldminer", "corpus/other_langs", "lid/dev")
PREFIXES = (250, 500, 2000)
DOCUMENTS = 4000


def texts_of(path: Path) -> Iterator[str]:
    """Yield the first DOCUMENTS texts of a file."""
    with path.open("rb") as raw:
        stream = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(raw), "utf-8")
        for _, line in zip(range(DOCUMENTS), stream, strict=False):
            yield orjson.loads(line)["text"]


def predict_all(model: Any, texts: Sequence[str]) -> None:
    """Ask the package for each text."""
    for text in texts:
        model.predict(text)


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU-seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def best_of(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the CPU-seconds of each, the best of `rounds` in turns."""
    best = dict.fromkeys(works, math.inf)
    for _ in range(rounds):
        for name, work in works.items():
            best[name] = min(best[name], seconds(work))
    return best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    peer, model = fasttext.load_model(str(_model_path())), load_fasttext(_model_path())
    stage, counts = Language(), Counts()
    print("| file | characters | documents | package, docs/s | kernel, docs/s | ratio | MB/s |")
    print("|---|---|---|---|---|---|---|")
    for name in FILES:
        full = list(texts_of(args.data / f"{name}.jsonl.zst"))
        for size in PREFIXES:
            texts = [" ".join(text[:size].splitlines()) for text in full]
            data, borders = utf8_view(pa.array(texts, pa.large_string()))
            labels, chances = model.predict(data, borders[:-1], borders[1:])
            for row, text in enumerate(texts):
                found, chance = peer.predict(text)
                label = found[0].removeprefix("__label__")
                assert label == model.labels[labels[row]], (name, row)
                # The package's sums may come to more than 1.
                assert abs(min(chance[0], 1.0) - chances[row]) < 1e-5, (name, row)
            works: dict[str, Callable[[], object]] = {
                "peer": partial(predict_all, peer, texts),
                "ours": partial(model.predict, data, borders[:-1], borders[1:]),
            }
            best = best_of(works, args.rounds)
            theirs, ours = (len(texts) / best[who] for who in works)
            print(
                f"| {name} | {size:,} | {len(texts):,} | {theirs:,.0f} | {ours:,.0f} "
                f"| {ours / theirs:.1f}x | {data.size / best['ours'] / 1e6:.0f} |",
                flush=True,
            )
        nothing = pa.nulls(len(full), pa.string())
        batch = pa.RecordBatch.from_pydict(
            {"text": pa.array(full, pa.large_string()), "prog_lang": nothing}
        )
        batch = set_columns(batch, counts(batch))
        spent = best_of({"stage": partial(stage, batch)}, args.rounds)["stage"]
        size = sum(np.char.str_len(np.array([text.encode() for text in full])))
        print(
            f"| {name} | stage, in full | {len(full):,} | | {len(full) / spent:,.0f} | "
            f"| {size / spent / 1e6:.0f} |"
        )


if __name__ == "__main__":
    main()
