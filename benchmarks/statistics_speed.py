"""Compare the speed of the stages Counts and Repetition with datatrove's and with the machine's.

Usage: SKYPILE_SHARED=DIR python benchmarks/statistics_speed.py PEER_PYTHON

PEER_PYTHON has datatrove installed. For each file of the corpus: that the statistics which both
define alike are equal on the peer's documents is asserted first. Then passes alternate, the best of
each counts, in CPU-seconds: ours over up to 4 MB, a copy of these bytes, a scan of them for spaces
by vectors, and datatrove over the first PEER_BYTES, with words at white space (its n-gram and
filter code alone) and with its own tokenisers and sentence splitter. Prints a Markdown table.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from text_statistics import batches

from skypile.kernels.buffers import utf8_view
from skypile.kernels.cache import njit
from skypile.kernels.narrow import space_mask
from skypile.kernels.vectors import ones_count
from skypile.schema import set_columns
from skypile.stages.counts import Counts
from skypile.stages.repetition import Repetition

FILES = {
    "en_prose_nltk": "en", "en_docs": "en", "zh_tech_lctt": "zh", "zh_tech_goldminer": "zh",
    "zh_classical": "zh", "code": "en",
}  # fmt: skip
LANGUAGES = {"en": "eng", "zh": "cmn_Hani"}
PEER_BYTES = 150_000
ROUNDS = 5
STAGES = (Counts(), Repetition())


@njit
def spaces(data: Any) -> Any:
    """Return how many bytes are spaces: one mask for each 64 bytes."""
    found = 0
    for at in range(0, data.size - 64, 64):
        found += ones_count(space_mask(data, at))
    return found


def copies(data: Any, target: Any) -> None:
    """Copy the bytes, 16 times."""
    for _ in range(16):
        np.copyto(target, data)


class Peer:
    """A process of the other environment that computes on request."""

    def __init__(self, python: str, texts: list[str], language: str) -> None:
        script = Path(__file__).with_name("statistics_peer.py")
        # Its own packages alone: not the checkout that PYTHONPATH may name.
        plain = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self.process = subprocess.Popen(
            [python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=plain,
        )  # fmt: skip
        self.version = self.answer()
        self.send(json.dumps([texts, language]))

    def send(self, line: str) -> None:
        """Write a line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """Return the next line of its output, read as JSON."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, what: str) -> Any:
        """Return what it says to `facts`, `words` or `own`."""
        self.send(what)
        return self.answer()

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def first_texts(batch: pa.RecordBatch) -> list[str]:
    """Return as many of the first documents as have PEER_BYTES."""
    found: list[str] = []
    size = 0
    for text in batch.column("text").to_pylist():
        found.append(text)
        size += len(text.encode())
        if size > PEER_BYTES:
            break
    return found


def assert_equal(peer: Peer, batch: pa.RecordBatch) -> int:
    """Compare each statistic that both define alike; return how many values are equal."""
    ours = batch
    for stage in STAGES:
        ours = set_columns(ours, stage(ours))
    compared = 0
    for row, (mine, theirs) in enumerate(zip(ours.to_pylist(), peer.ask("facts"), strict=True)):
        for name, value in theirs.items():
            assert math.isclose(mine[name], value, rel_tol=1e-12), (row, name, mine[name], value)
            compared += 1
    return compared


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU-seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def row(name: str, python: str) -> str:
    """Return the row of the table for a file."""
    batch = next(
        iter(batches(Path(os.environ["SKYPILE_SHARED"]) / "data/corpus" / f"{name}.jsonl.zst"))
    )
    texts = first_texts(batch)
    peer = Peer(python, texts, LANGUAGES[FILES[name]])
    compared = assert_equal(peer, batch.slice(0, len(texts)))
    data, _ = utf8_view(batch.column("text"))
    target = np.empty_like(data)
    works: dict[str, Callable[[], object]] = {
        **{stage.name: (lambda stage=stage: stage(batch)) for stage in STAGES},  # type: ignore[misc]
        "memcpy": lambda: copies(data, target),
        "mask": lambda: [spaces(data) for _ in range(16)],
    }
    best = dict.fromkeys((*works, "words", "own"), math.inf)
    for _ in range(ROUNDS):
        for what, work in works.items():
            best[what] = min(best[what], seconds(work))
        for what in ("words", "own"):
            best[what] = min(best[what], peer.ask(what))
    peer.close()
    size = data.size / 1e6
    both = size / (best["counts"] + best["repetition"])
    peer_size = sum(len(text.encode()) for text in texts) / 1e6
    words, own = peer_size / best["words"], peer_size / best["own"]
    limit = 16 * size / (best["memcpy"] + best["mask"])
    cells = [
        f"{size / best['counts']:.0f}", f"{size / best['repetition']:.0f}", f"**{both:.0f}**",
        f"{words:.2f}", f"{own:.2f}", f"{both / words:.0f}x", f"{both / own:.0f}x",
        f"{16 * size / best['memcpy'] / 1000:.1f}", f"{16 * size / best['mask'] / 1000:.1f}",
        f"{limit / both:.0f}x", f"{compared:,}",
    ]  # fmt: skip
    return f"| {name} | " + " | ".join(cells) + f" | {peer.version} |"


def main() -> None:
    """Print the table."""
    heads = (
        "file", "counts", "repetition", "both", "datatrove, split()", "datatrove, own words",
        "ratio", "ratio", "memcpy GB/s", "mask GB/s", "copy and mask / both", "equal values",
        "datatrove version",
    )  # fmt: skip
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for stage in STAGES:
        stage(pa.RecordBatch.from_pydict({"text": pa.array(["warm up", "热身"])}))
    spaces(np.zeros(128, np.uint8))
    for name in FILES:
        print(row(name, sys.argv[1]), flush=True)


if __name__ == "__main__":
    main()
