"""MinHash signatures of 128 values beside datasketch, datatrove and rensa, by turns in one run.

    python benchmarks/signature_speed.py --peer PYTHON --en FILE.jsonl.zst --zh FILE.jsonl.zst

First the accuracy: pairs of texts of known Jaccard index, 0.8, whose estimates must have no more
than 1.2 of the error that theory gives for 128 values, for each program; else it ends there. Then
the speed in MB of UTF-8 text per CPU-second, median of the rounds. From text means what a user
does: regular expressions cut words or Han characters, Python joins five; ours read Arrow columns,
as readers give them. datatrove's shingles of a Chinese text are of words, so the known index is not
theirs, and its accuracy stands in English alone. `--peer` is a Python that has the three and not
SkyPile. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from minhash_accuracy import texts_of

from skypile.kernels import minhash
from skypile.kernels.buffers import utf8_view
from skypile.schema import Scheme
from skypile.stages.signature import Signature

PEER = Path(__file__).with_name("signature_speed_peer.py")
PEERS = (
    "datasketch, from text", "datasketch, shingles given", "rensa, from text",
    "rensa, shingles given", "datatrove",
)  # fmt: skip
JACCARD, UNITS, PAIRS = 0.8, 904, 300
ALLOWED = 1.2  # 300 pairs tell an error to within 4 %


def known_pairs(language: str) -> tuple[list[tuple[str, str]], float]:
    """Return pairs of texts without a repeated shingle, and the Jaccard index of each.

    Two texts begin with the same words or characters and differ from there on.
    """
    rng = random.Random(3)
    shingles = UNITS - 4
    shared = round(2 * shingles * JACCARD / (1 + JACCARD)) + 4
    pairs = []
    for _ in range(PAIRS):
        if language == "zh":
            drawn = rng.sample([chr(code) for code in range(0x4E00, 0x9FA0)], 2 * UNITS)
        else:
            drawn = ["".join(rng.choices("abcdefghijklmnop", k=9)) for _ in range(2 * UNITS)]
        ends = drawn[shared:UNITS], drawn[UNITS : 2 * UNITS - shared]
        joint = "" if language == "zh" else " "
        pairs.append((joint.join(drawn[:shared] + ends[0]), joint.join(drawn[:shared] + ends[1])))
    return pairs, (shared - 4) / (2 * shingles - shared + 4)


def our_signatures(texts: pa.Array, scheme: Scheme) -> Any:
    """Return the values of the kernel, uint32 (texts, 128)."""
    data, offsets = utf8_view(texts)
    if scheme == "fss":
        return minhash.fss_signatures(data, offsets, 1)[0]
    return minhash.signatures(data, offsets, *minhash.permutations(1))[0]


def scheme_of(name: str) -> Scheme:
    """Return the scheme of one of our programs."""
    return "fss" if "fss" in name else "affine32"


def our_seconds(texts: list[str], name: str) -> float:
    """Return the CPU seconds of one of our programs."""
    column = pa.array(texts, pa.string())
    begun = time.process_time()
    if "stage" in name:
        Signature(scheme=scheme_of(name))(pa.RecordBatch.from_pydict({"text": column}))
    else:
        our_signatures(column, scheme_of(name))
    return time.process_time() - begun


OURS = ("skypile affine32", "skypile fss", "skypile affine32, stage with exact hash")


def measure(language: str, texts: list[str], peer: str, rounds: int, few: int) -> None:
    """Print the table of one language."""
    pairs, true = known_pairs(language)
    theory = (true * (1 - true) / 128) ** 0.5
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"language": language, "texts": texts[:few], "pairs": pairs}, file)
        file.flush()
        process = subprocess.Popen(
            [peer, str(PEER), file.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None and process.stdout is not None
        asked, told = process.stdin, process.stdout

        def answer(command: str) -> Any:
            print(command, file=asked, flush=True)
            return json.loads(told.readline())

        errors = {}
        for name in (*OURS[:2], *(p for p in PEERS if language == "en" or p != "datatrove")):
            if name in OURS:
                left, right = (
                    our_signatures(pa.array([p[at] for p in pairs]), scheme_of(name))
                    for at in (0, 1)
                )
                estimates = (left == right).mean(axis=1)
            else:
                estimates = np.array(answer(f"{name} accuracy"))
            errors[name] = (estimates.mean() - true, ((estimates - true) ** 2).mean() ** 0.5)
            assert errors[name][1] <= ALLOWED * theory, (name, errors[name], theory)
        seconds: dict[str, list[float]] = {name: [] for name in (*OURS, *PEERS)}
        for turn in range(rounds + 1):
            for name in seconds:
                took = our_seconds(texts, name) if name in OURS else answer(f"{name} speed")
                if turn:  # the first round compiles and loads
                    seconds[name].append(took)
        asked.close()
        process.wait()
    size = {
        True: sum(len(t.encode()) for t in texts),
        False: sum(len(t.encode()) for t in texts[:few]),
    }
    rates = {n: size[n in OURS] / 1e6 / statistics.median(times) for n, times in seconds.items()}
    print(f"\n{language}: {size[True] / 1e6:,.1f} MB; J = {true:.3f}, theory {theory:.4f}\n")
    print("| program | bias | RMSE | MB/s | skypile affine32 is faster by |\n" + "|---" * 5 + "|")
    for name, rate in rates.items():
        bias, error = errors.get(name, (None, None))
        accuracy = f"{bias:+.4f} | {error:.4f}" if bias is not None else "| "
        print(f"| {name} | {accuracy} | {rate:,.1f} | {rates[OURS[0]] / rate:,.1f} |", flush=True)


def main() -> None:
    """Measure both languages."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peer", required=True)
    parser.add_argument("--en", type=Path, required=True)
    parser.add_argument("--zh", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=1500, help="texts of each file")
    parser.add_argument("--few", type=int, default=60, help="of these the peers get so many")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    for language, path in (("en", args.en), ("zh", args.zh)):
        measure(language, texts_of(path, args.limit), args.peer, args.rounds, args.few)


if __name__ == "__main__":
    main()
