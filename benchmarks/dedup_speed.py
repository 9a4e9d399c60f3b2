"""The whole of ``skypile dedup`` beside the four stages of datatrove's MinHash deduplication.

    python benchmarks/dedup_speed.py --documents 20000 [--words 100 500] [--peer PYTHON]
        [--rounds 2]

Documents are made for it: texts of 100 to 500 words, three of ten of them a copy of an earlier one
with up to six words replaced. By turns, each in a process of its own: CPU seconds and wall seconds
of the whole command, start included, peak memory, documents kept. `--peer` is a Python that has
datatrove and not SkyPile; both use one process. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VOCABULARY = 20_000
RECENT = 50_000
PEER = Path(__file__).with_name("dedup_speed_peer.py")


def write_documents(path: Path, number: int, sizes: tuple[int, int]) -> None:
    """Write `number` documents of as many words to `path`, the same for each call."""
    rng = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(VOCABULARY)]
    recent: list[list[str]] = []
    with path.open("w") as file:
        for at in range(number):
            if recent and rng.random() < 0.3:
                text = list(rng.choice(recent))
                for place in rng.sample(range(len(text)), rng.randint(0, 6)):
                    text[place] = rng.choice(words)
            else:
                text = rng.choices(words, k=rng.randint(*sizes))
                if len(recent) < RECENT:
                    recent.append(text)
                else:
                    recent[rng.randrange(RECENT)] = text
            file.write(json.dumps({"id": str(at), "text": " ".join(text)}) + "\n")


def measured(command: list[str]) -> tuple[float, float, float]:
    """Run `command`; return its CPU seconds, wall seconds and peak memory in MiB."""
    begun = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        told = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(told.decode())
    cpu = usage.ru_utime + usage.ru_stime
    return cpu, time.monotonic() - begun, usage.ru_maxrss / 1024


def kept_by_us(folder: Path) -> int:
    """Return how many documents our report says are kept."""
    return int(json.loads((folder / "report.json").read_text("utf-8"))["ledger"]["kept"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--words", type=int, nargs=2, default=(100, 500))
    parser.add_argument("--peer")
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "in.jsonl"
        write_documents(source, args.documents, tuple(args.words))
        print(f"{args.documents:,} documents, {source.stat().st_size / 1e6:,.0f} MB\n")
        print("| program | CPU seconds | wall seconds | peak MiB | kept |", flush=True)
        print("|---|---|---|---|---|")
        for number in range(args.rounds):
            ours, theirs = folder / f"ours{number}", folder / f"theirs{number}"
            command = [sys.executable, "-m", "skypile", "dedup", str(source), "--quiet"]
            cpu, wall, peak = measured([*command, "--output", str(ours)])
            print(
                f"| skypile | {cpu:.1f} | {wall:.1f} | {peak:,.0f} | {kept_by_us(ours):,} |",
                flush=True,
            )
            if args.peer:
                cpu, wall, peak = measured([args.peer, str(PEER), str(source), str(theirs)])
                kept = int((theirs / "kept.txt").read_text())
                print(f"| datatrove | {cpu:.1f} | {wall:.1f} | {peak:,.0f} | {kept:,} |")


if __name__ == "__main__":
    main()
