"""MinHash signatures: bias and error at known Jaccard, and speed, beside datasketch.

    python benchmarks/minhash_accuracy.py [--pairs 1000] [--text FILE.jsonl[.zst]]...

Accuracy: pairs of sets of 32-bit hashes with exactly known Jaccard J; a perfect MinHash of 128
values has no bias and a root mean square error of sqrt(J (1 - J) / 128); P is the share of pairs
that 16 bands of 8 rows propose. Speed: MB of UTF-8 text per CPU-second, by turns, median of the
rounds: our kernels; our whole stage; datasketch given the
32-bit hashes of shingles for nothing; datasketch on shingles cut in Python and hashed by xxh32.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash
import zstandard
from datasketch import MinHash

from skypile.kernels import minhash
from skypile.kernels.shingles import shingle_hashes
from skypile.stages.signature import Signature
from skypile.text import shingles

U32 = npt.NDArray[np.uint32]


def set_pair(rng: np.random.Generator, size: int, jaccard: float) -> tuple[U32, U32, float]:
    """Return two sets of `size` hashes and their Jaccard, as near to `jaccard` as counts allow."""
    shared = round(2 * size * jaccard / (1 + jaccard))
    drawn = rng.choice(2**32, 2 * size - shared, replace=False).astype(np.uint32)
    return drawn[:size], drawn[size - shared :], shared / (2 * size - shared)


def print_accuracy(pairs: int) -> None:
    """Print bias and error of our values and of datasketch's over sizes and similarities."""
    rng = np.random.default_rng(0)
    print(
        "shingles     J   theory  affine32 bias / RMSE   fss bias / RMSE   datasketch bias / RMSE"
        "   P(16x8)    fss  theory"
    )
    for size in (20, 60, 300, 3000):
        for jaccard in (0.5, 0.8, 0.9):
            ours, theirs, caught, true = [], [], [], 0.0
            fss, fss_caught = [], []
            for seed in range(pairs):
                left, right, true = set_pair(rng, size, jaccard)
                # Another seed for each pair, or the one draw of permutations would be measured.
                a, b = minhash.permutations(seed)
                one, two = (minhash.minhash_of_hashes(each, a, b) for each in (left, right))
                ours.append(np.mean(one == two) - true)
                caught.append((one == two).reshape(16, 8).all(axis=1).any())
                # Its kernel takes 64-bit hashes; those of 32 bits are mixed to begin with.
                one, two = (minhash.fss_of_hashes(widened(each), seed) for each in (left, right))
                fss.append(np.mean(one == two) - true)
                fss_caught.append((one == two).reshape(16, 8).all(axis=1).any())
                theirs.append(datasketch_estimate(left, right, seed) - true)
            print(
                f"{size:8} {true:6.3f} {(true * (1 - true) / 128) ** 0.5:7.4f} "
                f"{np.mean(ours):+10.4f} / {rms(ours):.4f} {np.mean(fss):+10.4f} / {rms(fss):.4f}"
                f"{np.mean(theirs):+12.4f} / {rms(theirs):.4f} "
                f"{np.mean(caught):15.3f} {np.mean(fss_caught):6.3f} {1 - (1 - true**8) ** 16:7.3f}"
            )


def widened(hashes: U32) -> npt.NDArray[np.uint64]:
    """Return the hashes spread over 64 bits."""
    found: npt.NDArray[np.uint64] = hashes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return found


def rms(errors: list[float]) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(errors))))


def datasketch_estimate(left: U32, right: U32, seed: int) -> float:
    """Return datasketch's estimate of the Jaccard of two sets of hashes."""
    one, two = (MinHash(num_perm=128, seed=seed, scheme="affine32", hashfunc=int) for _ in range(2))
    one.update_batch(left.tolist())
    two.update_batch(right.tolist())
    return float(one.jaccard(two))


def texts_of(path: Path, limit: int) -> list[str]:
    """Return the first `limit` texts of a JSONL file, zstd or plain."""
    packed = path.read_bytes()
    if path.suffix == ".zst":
        packed = (
            zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress(packed)
        )
    return [json.loads(line)["text"] for line in islice(packed.splitlines(), limit)]


def composed(language: str) -> list[str]:
    """Return 500 texts of random characters or words, where no file is given."""
    rng = random.Random(0)
    if language == "zh":
        return ["，".join(han(rng, 12) for _ in range(120)) for _ in range(500)]
    vocabulary = [han(rng, 6, "etaoinshrdlu") for _ in range(5000)]
    return [" ".join(rng.choices(vocabulary, k=700)) for _ in range(500)]


def han(rng: random.Random, count: int, alphabet: str = "") -> str:
    """Return `count` random letters of an alphabet, of 3,000 Han characters where it is empty."""
    letters = alphabet or "".join(map(chr, range(0x4E00, 0x4E00 + 3000)))
    return "".join(rng.choices(letters, k=count))


def print_speed(name: str, texts: list[str], rounds: int) -> None:
    """Print MB per CPU-second of the kernel, the whole stage, and datasketch's permutations."""
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    offsets[1:] = np.cumsum([len(each) for each in encoded])
    data = np.frombuffer(b"".join(encoded) + bytes(64), np.uint8)
    a, b = minhash.permutations(1)
    batch = pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})
    few = min(len(texts), 50)
    hashed = [
        (each & 0xFFFFFFFF ^ each >> np.uint64(32)).astype(np.uint32)
        for each in (
            shingle_hashes(data, int(offsets[at]), int(offsets[at + 1])) for at in range(few)
        )
    ]

    def datasketch_bulk() -> None:
        list(MinHash.bulk(hashed, num_perm=128, scheme="affine32", hashfunc=int))

    def datasketch_from_text() -> None:
        sets = ([" ".join(each).encode() for each in shingles(text)] for text in texts[:few])
        list(MinHash.bulk(sets, num_perm=128, scheme="affine32", hashfunc=xxhash.xxh32_intdigest))

    calls: list[tuple[str, Callable[[], object], int]] = [
        ("kernel", lambda: minhash.signatures(data, offsets, a, b), int(offsets[-1])),
        ("kernel, fss", lambda: minhash.fss_signatures(data, offsets, 1), int(offsets[-1])),
        ("stage (with exact hash)", lambda: Signature()(batch), int(offsets[-1])),
        ("datasketch, given hashes", datasketch_bulk, int(offsets[few])),
        ("datasketch, from text", datasketch_from_text, int(offsets[few])),
    ]
    seconds: dict[str, list[float]] = {label: [] for label, _, _ in calls}
    for turn in range(rounds + 1):
        for label, call, _ in calls:
            start = time.process_time()
            call()
            if turn:  # the first round compiles
                seconds[label].append(time.process_time() - start)
    for label, _, size in calls:
        rate = size / 1e6 / statistics.median(seconds[label])
        print(f"{name:24} {offsets[-1] / 1e6:7.1f} MB  {label:30} {rate:8.1f} MB/s")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=int, default=1500, help="texts of each file")
    parser.add_argument("--text", type=Path, action="append", default=[])
    options = parser.parse_args()
    if options.pairs:
        print_accuracy(options.pairs)
    sets = [(path.name, texts_of(path, options.limit)) for path in options.text]
    for name, texts in sets or [(each, composed(each)) for each in ("en", "zh")]:
        print_speed(name, texts, options.rounds)


if __name__ == "__main__":
    main()
