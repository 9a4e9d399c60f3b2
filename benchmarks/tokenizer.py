"""Measure the encoder against Hugging Face tokenizers: MB of UTF-8 per CPU-second, one thread.

    python -m benchmarks.tokenizer [--tokenizer FILE] [--megabytes N] [FILE.jsonl[.zst|.gz] ...]

Without files, $SKYPILE_SHARED/data/corpus. The ids are compared before anything is timed. The two
engines take turns on blocks of 1 MB, and the median block counts. "fresh" is text that the engine
has not met, as in a run, its caches filling on the way; "again" is the same text once more, which
flatters every engine that remembers pieces of text. "first" is the slowest block: it holds what
is loaded when enough Chinese has come.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import importlib.metadata
import itertools
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from skypile.tokens import DEFAULT_TOKENIZER, Encoder

_CORPUS = {
    "English": ["en_books", "en_docs", "en_tech_lctt"],
    "Chinese": ["zh_tech_lctt", "zh_news", "zh_docs", "zh_stem"],
    "classical Chinese": ["zh_classical"],
    "code": ["code"],
}
_BLOCK_BYTES = 1_000_000


def _texts(path: Path) -> Iterator[str]:
    """Yield the texts of one JSONL file, compressed or not."""
    with pa.input_stream(path, compression="detect") as stream:
        content: bytes = stream.read()
    for line in content.splitlines():
        yield json.loads(line)["text"]


def _blocks(paths: list[Path], megabytes: float) -> list[list[str]]:
    """Return blocks of 1 MB taken from the files in turn, up to ``megabytes``."""
    blocks: list[list[str]] = [[]]
    size = total = 0
    for row in itertools.zip_longest(*map(_texts, paths)):
        for text in filter(None, row):
            blocks[-1].append(text)
            size += len(text.encode())
            if size >= _BLOCK_BYTES:
                total += size
                if total >= megabytes * 1e6:
                    return blocks
                blocks.append([])
                size = 0
    return [block for block in blocks if block]


def _cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of all threads of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def _check_equal(encoder: Encoder, reference: Tokenizer, block: list[str]) -> None:
    found = encoder.encode(pa.array(block, pa.large_string()))
    expected = [e.ids for e in reference.encode_batch_fast(block, add_special_tokens=False)]
    assert found.offsets.tolist() == np.cumsum([0, *map(len, expected)]).tolist(), "counts differ"
    assert found.ids.tolist() == list(itertools.chain(*expected)), "ids differ"


def _measure(name: str, blocks: list[list[str]], tokenizer: Path) -> None:
    """Print one line: speeds of both engines on the blocks, and their ratios."""
    content = tokenizer.read_bytes()
    reference = Tokenizer.from_buffer(content)
    reference.encode_special_tokens = True
    for block in blocks[:: max(1, len(blocks) // 4)]:
        _check_equal(Encoder(content, tokenizer), reference, block)
    encoder = Encoder(content, tokenizer)
    arrays = [pa.array(block, pa.large_string()) for block in blocks]
    megabytes = [sum(len(text.encode()) for text in block) / 1e6 for block in blocks]
    theirs, fresh, seconds = [], [], []
    for i, (block, array) in enumerate(zip(blocks, arrays, strict=True)):
        seconds.append(_cpu_seconds(functools.partial(encoder.encode, array)))
        fresh.append(megabytes[i] / seconds[-1])
        if i % max(1, len(blocks) // 5) == 0:
            work = functools.partial(reference.encode_batch_fast, block, add_special_tokens=False)
            theirs.append(megabytes[i] / _cpu_seconds(work))
    again = [
        size / _cpu_seconds(functools.partial(encoder.encode, array))
        for size, array in zip(megabytes, arrays, strict=True)
    ]
    tokens = sum(int(encoder.count(array).sum()) for array in arrays)
    base, speed = statistics.median(theirs), statistics.median(fresh)
    print(
        f"{name:18} {sum(megabytes):5.1f} MB {sum(megabytes) * 1e6 / tokens:5.2f} bytes/token | "
        f"tokenizers {base:4.1f} | {encoder.engine} fresh {speed:6.1f} ({speed / base:3.0f}x), "
        f"again {statistics.median(again):6.1f}, first {max(seconds):4.2f} s"
    )


def main() -> None:
    """Print the machine, the versions and one line for each language or file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tokenizer")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--tokenizer", type=Path, default=DEFAULT_TOKENIZER)
    parser.add_argument("--megabytes", type=float, default=40.0, help="text of each language")
    options = parser.parse_args()
    corpus = {path.name: [path] for path in options.files}
    if not corpus:
        if "SKYPILE_SHARED" not in os.environ:
            parser.error("name JSONL files, or set SKYPILE_SHARED")
        folder = Path(os.environ["SKYPILE_SHARED"]) / "data/corpus"
        corpus = {
            name: [folder / f"{file}.jsonl.zst" for file in files]
            for name, files in _CORPUS.items()
        }
    versions = " ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("tokenizers", "gigatoken", "pyarrow", "numpy")
    )
    today = datetime.datetime.now(datetime.UTC).date()
    print(f"{today} {platform.machine()} {_processor()} Python {platform.python_version()}")
    print(f"{versions}; MB of UTF-8 per CPU-second, one thread; ids equal on the sampled blocks")
    for name, paths in corpus.items():
        _measure(name, _blocks(paths, options.megabytes), options.tokenizer)


def _processor() -> str:
    """Return the processor's name as the kernel gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
