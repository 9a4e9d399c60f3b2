"""Compare Muon with AdamW on a CPU: the same model, batches and number of tokens, several rates.

    python benchmarks/muon.py TOKENS --output DIR [--config tiny] [--tokens 200_000] [--threads N]
        [--rates 1e-3 3e-3] [--seeds 0 1]

Each optimizer trains with each peak rate from each seed, one stage of half a cosine to a tenth, and
is judged on held-out rows as the run's log has them. Prints nats per token by stream, the mean over
streams, and the seconds of a step. The mixture is as the tokens of the streams are.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from skypile.pretrain.run_config import load_config
from skypile.pretrain.token_set import open_token_set

_OPTIMIZERS = ("adamw", "muon")


def _config(options: argparse.Namespace, optimizer: str, rate: float, seed: int) -> dict[str, Any]:
    config = load_config(options.config)
    data = config.model_dump(mode="json", by_alias=True, exclude_none=True)
    streams = {
        one.name: one.file.token_count for one in open_token_set(options.tokens_folder).train
    }
    rows = options.tokens // config.seq_len
    mixture = {name: count for name, count in streams.items() if count > config.seq_len}
    return {
        **data, "seed": seed, "optimizer": {**data["optimizer"], "name": optimizer},
        "checkpoints": {"every_steps": 1_000_000, "keep": 1},
        "validation": {"every_steps": 1_000_000, "rows": 64},
        "stages": [{
            "name": "main", "tokens": rows * config.seq_len, "mixture": mixture,
            "lr": {"schedule": "cosine", "from": rate, "to": rate / 10,
                   "warmup_tokens": options.tokens // 20},
        }],
    }  # fmt: skip


def _trained(
    options: argparse.Namespace, name: str, config: dict[str, Any]
) -> list[dict[str, Any]]:
    """Train unless that is done, and return the log."""
    folder = options.output / name
    if not (folder / "done").exists():
        options.output.mkdir(parents=True, exist_ok=True)
        path = options.output / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
        args = ["pretrain", options.tokens_folder, "--config", path, "--output", folder, "--quiet",
                "--device", "cpu", "--threads", options.threads]  # fmt: skip
        subprocess.run([sys.executable, "-m", "skypile", *map(str, args)], check=True)
        (folder / "done").touch()
    return [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def main() -> None:
    """Train what is asked for, and print a line for each optimizer and rate."""
    parser = argparse.ArgumentParser(prog="python benchmarks/muon.py")
    parser.add_argument("tokens_folder", type=Path, metavar="TOKENS")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--tokens", type=int, default=200_000)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 3e-3])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    for optimizer in _OPTIMIZERS:
        for rate in options.rates:
            losses: list[dict[str, float]] = []
            seconds: list[float] = []
            for seed in options.seeds:
                config = _config(options, optimizer, rate, seed)
                log = _trained(options, f"{optimizer}-{rate:g}-{seed}", config)
                losses.append([one for one in log if one["kind"] == "validation"][-1]["losses"])
                seconds += [config["batch_tokens"] / one["tokens_per_second"]
                            for one in log if one["kind"] == "step"][1:]  # fmt: skip
            means = {name: statistics.mean(one[name] for one in losses) for name in losses[0]}
            told = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
            print(f"{optimizer:5} rate {rate:g}: mean {statistics.mean(means.values()):.3f}  {told}"
                  f"  {statistics.median(seconds):.2f} s a step", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
