"""Kill a run of training at random moments and compare it with one that nobody disturbed.

    python benchmarks/kill_pretrain.py TOKENS --config FILE [--kills 20] [--seed 0]

Both runs are `skypile pretrain` in processes of their own on one thread of a CPU. The second one
gets SIGKILL after a random part of the time that the first took, and --resume, until so many kills
are spent; then it goes on to its end. All records of the two logs must be equal, to the last bit,
but for the speed. Exits 1 where one differs, or where a run that was killed cannot go on.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from skypile.pretrain.log import read_log


def started(tokens: Path, run: Path, config: str) -> subprocess.Popen[bytes]:
    """Start or resume a run."""
    command = [sys.executable, "-m", "skypile", "pretrain", str(tokens), "--output", str(run)]
    # A run that was killed before it wrote its config is begun anew.
    is_begun = (run / "config.yaml").exists()
    command += ["--resume"] if is_begun else ["--config", config]
    return subprocess.Popen([*command, "--device", "cpu", "--threads", "1", "--quiet"])


def told(run: Path) -> list[dict[str, Any]]:
    """Return the log without the clock's part."""
    records = read_log(run / "log.jsonl")
    return [{k: v for k, v in one.items() if k != "tokens_per_second"} for one in records]


def main() -> int:
    """Run, kill, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tokens", type=Path)
    parser.add_argument("--config", required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draws = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        begun = time.monotonic()
        if started(options.tokens, whole, options.config).wait():
            return 1
        seconds = time.monotonic() - begun
        spent = 0
        while spent < options.kills:
            process = started(options.tokens, killed, options.config)
            try:
                code = process.wait(timeout=draws.uniform(0.1, 0.9) * seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                spent += 1
                continue
            if code:
                return 1
            break
        if started(options.tokens, killed, options.config).wait():
            return 1
        expected, found = told(whole), told(killed)
        differing = sum(a != b for a, b in zip(expected, found, strict=False))
        print(f"{spent} kills, {len(found)} of {len(expected)} records, {differing} differ")
        return int(differing > 0 or len(found) != len(expected))


if __name__ == "__main__":
    sys.exit(main())
