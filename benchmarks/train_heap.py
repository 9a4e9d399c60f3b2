"""Training on a CPU with a step's memory kept for the next one, and without: seconds and losses.

    python benchmarks/train_heap.py TOKENS [--config ablate] [--tokens 40960] [--rounds 2]

TOKENS is what `skypile tokenize` wrote; the configuration is cut to so many tokens. Both ways take
turns in processes of their own, so that no heap is warm from the other. That losses are equal to
the last digit is asserted before speed is told. Prints Markdown; needs glibc.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from skypile.pretrain.fitting import with_tokens
from skypile.pretrain.run_config import load_config

# `given` is what the C library does of itself.
RUN = {
    "kept": "from skypile.cli.main import run",
    "given": "from contextlib import nullcontext; from skypile.pretrain import session; "
    "session.kept_heap = nullcontext; from skypile.cli.main import run",
}


def trained(
    way: str, args: argparse.Namespace, config: Path, output: Path
) -> tuple[float, list[tuple[int, float]]]:
    """Train once; return the seconds of the whole command, and the losses of its log."""
    command = [
        "pretrain",
        str(args.tokens_folder),
        "--config",
        str(config),
        "--output",
        str(output),
    ]
    code = f"import sys; {RUN[way]}; sys.exit(run({[*command, '--device', 'cpu', '--quiet']!r}))"
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun
    records = map(json.loads, (output / "log.jsonl").read_text("utf-8").splitlines())
    return seconds, [(one["step"], one["loss"]) for one in records if one["kind"] == "step"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tokens_folder", type=Path, metavar="TOKENS")
    parser.add_argument("--config", default="ablate")
    parser.add_argument("--tokens", type=int, default=40_960)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    config = with_tokens(load_config(args.config), args.tokens)
    seconds: dict[str, list[float]] = {way: [] for way in RUN}
    losses = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        data = config.model_dump(mode="json", by_alias=True, exclude_none=True)
        path.write_text(yaml.safe_dump(data, sort_keys=False), "utf-8")
        for number in range(args.rounds):
            for way in RUN:
                taken, found = trained(way, args, path, Path(folder) / f"{way}-{number}")
                seconds[way].append(taken)
                losses.append(found)
    assert losses[0] and all(one == losses[0] for one in losses), "losses differ"
    print("| memory | seconds, each round | median |\n|---|---|--:|")
    for way, every in seconds.items():
        shown = ", ".join(f"{one:.1f}" for one in every)
        print(f"| {way} | {shown} | {statistics.median(every):.1f} |")


if __name__ == "__main__":
    main()
