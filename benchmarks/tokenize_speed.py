"""Measure `skypile tokenize` per core: MB of text per CPU-second, Parquet shards to .tok files.

    python -m benchmarks.tokenize_speed [--corpus DIR] [--megabytes N]

--corpus is a finished build. Without it, shards are written as a build writes them (zstd 3, row
groups of 16 MB) of the texts of $SKYPILE_SHARED/data/corpus. Three things take turns, a shard at a
time, all of it single-threaded and in this process:

* "path": phase tokenize on the shard: read and decompress, hash, encode, frame, write, fsync;
* "encoder": `Encoder.encode` on the same texts, by an encoder of its own;
* "tokenizers": Hugging Face's, same tokenizer.json, on the first MB or so of the shard.

A figure is MB by the CPU time of all threads, over all shards of a domain, what an encoder loads
when Chinese comes included; "median" is that of shards. Each meets a text once, so no memory of
texts helps. The ids in .tok files are compared with those of tokenizers, document by document. With
--corpus the command itself runs as well, in processes of its own, with one worker and with two: its
whole CPU time, the start of Python and Beam included, and its wall-clock.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from skypile.cli.tokenize import BOS, EOS
from skypile.io.store import Store
from skypile.phases.tokenize import (
    HeldByHash,
    ShardTask,
    TokenContext,
    frame_of,
    kept_batches,
    shard_tasks,
    tokenize_shard,
)
from skypile.phases.work import Entry
from skypile.tokens import DEFAULT_TOKENIZER, Encoder
from skypile.verify.manifest import Shard, read_manifest

_SOURCES = {
    "en": ("en_books", "en_prose_nltk", "en_docs", "en_stem", "en_tech_lctt"),
    "zh": ("zh_tech_lctt", "zh_tech_goldminer", "zh_docs", "zh_news", "zh_stem"),
    "code": ("code",),
}
_GROUP_BYTES = 16 << 20
_SAMPLE_BYTES = 1_000_000
_FRAC = 0.005


@dataclass
class _Speeds:
    """MB of text and CPU-seconds of one domain, by shard."""

    path: list[tuple[float, float]] = field(default_factory=list)
    encoder: list[tuple[float, float]] = field(default_factory=list)
    tokenizers: list[tuple[float, float]] = field(default_factory=list)
    compared: int = 0


def _rate(found: list[tuple[float, float]]) -> float:
    return sum(size for size, _ in found) / sum(seconds for _, seconds in found)


def _texts(domain: str, megabytes: float) -> Iterator[str]:
    folder = Path(os.environ["SKYPILE_SHARED"]) / "data/corpus"
    left = megabytes * 1e6
    for name in _SOURCES[domain]:
        with pa.input_stream(folder / f"{name}.jsonl.zst", compression="detect") as stream:
            for line in stream.read().splitlines():
                text: str = json.loads(line)["text"]
                yield text
                left -= len(text.encode())
                if left <= 0:
                    return


def _written(folder: Path, megabytes: float) -> list[Shard]:
    """Write a shard of one row group for every 16 MB; return them as a manifest has them."""
    shards: list[Shard] = []
    for domain in _SOURCES:
        rows: list[str] = []
        size = number = 0
        for text in [*_texts(domain, megabytes), None]:
            if text is not None:
                rows.append(text)
                size += len(text.encode())
            if rows and (text is None or size >= _GROUP_BYTES):
                path = f"data/domain={domain}/part-{number:05d}.parquet"
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                names = [f"{domain}/{number}/{row}" for row in range(len(rows))]
                table = pa.table({"id": names, "record": names, "text": rows})
                pq.write_table(table, folder / path, compression="zstd", compression_level=3)
                shards.append(Shard(path=path, domain=domain, documents=len(rows), tokens=0,
                                    bytes=(folder / path).stat().st_size, sha256=path))  # fmt: skip
                rows, size, number = [], 0, number + 1
    return shards


def _cpu(begun: float) -> float:
    return time.process_time() - begun


def _measure(
    context: TokenContext, task: ShardTask, found: _Speeds, encoder: Encoder, reference: Tokenizer
) -> None:  # fmt: skip
    """Let the three take their turn on a shard."""
    begun = time.process_time()
    entry = tokenize_shard(context, task)
    seconds = _cpu(begun)
    megabytes = entry.data["text_bytes"] / 1e6
    found.path.append((megabytes, seconds))
    batches = list(kept_batches(context.corpus, task.path, task.documents))
    begun = time.process_time()
    for batch in batches:
        encoder.encode(batch.column("text"))
    found.encoder.append((megabytes, _cpu(begun)))
    held = HeldByHash(_FRAC, 0)(batches[0])[1]
    sample: list[str] = []
    size = 0
    for text, is_held in zip(batches[0].column("text").to_pylist(), held, strict=True):
        if not is_held and size < _SAMPLE_BYTES:
            sample.append(text)
            size += len(text.encode())
    begun = time.process_time()
    expected = [reference.encode(text, add_special_tokens=False).ids for text in sample]
    found.tokenizers.append((size / 1e6, _cpu(begun)))
    _check(context, entry, expected)
    found.compared += len(expected)


def _check(context: TokenContext, entry: Entry, expected: list[list[int]]) -> None:
    """Assert that the training part begins with the ids that tokenizers gives, framed."""
    part = next(one for one in entry.data["parts"] if one["split"] == "train")
    place = Path(context.output.path(f"{part['path']}/{part['name']}"))
    ids = np.fromfile(place.with_suffix(".tok"), np.uint16)
    borders = np.fromfile(place.with_suffix(".idx"), np.int64)
    frame = context.frame
    for number, right in enumerate(expected):
        mine = ids[borders[number] : borders[number + 1]].tolist()
        assert mine == [*frame.before, *right, frame.behind], "ids differ"


def _in_domains(corpus: Path, shards: list[Shard], output: Path) -> None:
    store = Store(str(output))
    store.write("tokenizer.json", DEFAULT_TOKENIZER.read_bytes())
    frame = frame_of(DEFAULT_TOKENIZER, BOS, EOS)
    work = Store(f"{store.root}/.work", durable=False)
    context = TokenContext(
        Store(str(corpus)), store, work, frame, HeldByHash(_FRAC, 0), "benchmark"
    )
    reference = Tokenizer.from_file(str(DEFAULT_TOKENIZER))
    reference.encode_special_tokens = True
    encoder = Encoder(DEFAULT_TOKENIZER.read_bytes(), DEFAULT_TOKENIZER)
    speeds: dict[str, _Speeds] = {}
    for task in shard_tasks(shards):
        _measure(context, task, speeds.setdefault(task.domain, _Speeds()), encoder, reference)
    for name, found in speeds.items():
        path, alone, theirs = map(_rate, (found.path, found.encoder, found.tokenizers))
        median = statistics.median(_rate([one]) for one in found.path)
        print(
            f"{name:5} {sum(size for size, _ in found.path):6.1f} MB, {len(found.path)} shards | "
            f"path {path:6.1f} ({path / theirs:3.0f}x, median {median:5.1f}) | encoder "
            f"{alone:6.1f} | tokenizers {theirs:4.1f} | {found.compared} documents compared"
        )


def _command(corpus: Path, output: Path, workers: int, megabytes: float) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    args = ["tokenize", str(corpus), "--output", str(output), "--workers", str(workers), "--quiet"]
    subprocess.run([sys.executable, "-m", "skypile", *args], check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"command, {workers} worker{'s' * (workers > 1)}: {megabytes:.0f} MB in {wall:.1f} s, "
          f"{cpu:.1f} CPU-seconds: {megabytes / cpu:.1f} MB per CPU-second")  # fmt: skip


def main() -> None:
    """Print the machine, the versions, a line for each domain and one for each run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tokenize_speed")
    parser.add_argument("--corpus", type=Path, help="a finished build, for the command as well")
    parser.add_argument("--megabytes", type=float, default=80.0, help="text of each domain")
    options = parser.parse_args()
    names = ("tokenizers", "gigatoken", "pyarrow", "numpy")
    versions = " ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    print(datetime.datetime.now(datetime.UTC).date(), platform.machine(), _processor(), versions)
    with TemporaryDirectory(prefix="skypile-tokenize-") as name:
        folder = Path(name)
        if options.corpus is None:
            if "SKYPILE_SHARED" not in os.environ:
                parser.error("name a --corpus, or set SKYPILE_SHARED")
            _in_domains(folder, _written(folder, options.megabytes), folder / "tokens")
            return
        shards = read_manifest(Store(str(options.corpus))).shards
        _in_domains(options.corpus, shards, folder / "tokens")
        megabytes = sum(_text_bytes(options.corpus / shard.path) for shard in shards) / 1e6
        for workers in (1, 2):
            _command(options.corpus, folder / f"by-{workers}", workers, megabytes)


def _text_bytes(path: Path) -> int:
    column = pq.read_table(path, columns=["text"], partitioning=None).column("text")
    return sum(len(text.as_buffer()) for text in column)


def _processor() -> str:
    """Return the processor's name as the kernel gives it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.processor()


if __name__ == "__main__":
    main()
