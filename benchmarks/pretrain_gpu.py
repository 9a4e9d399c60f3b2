"""What `skypile pretrain` as a whole does on a CUDA device: its speed, and how exactly it resumes.

    python benchmarks/pretrain_gpu.py --output DIR [--device cuda] [--speed 125m] [--steps 30]

The tokens are drawn, not read: speed and bits do not depend on what they say. Documents have the
lengths of pages (log-normal, median 400), tokens a Zipf distribution. Each run is a process of its
own:

- speed: the shape named, the batches of its bundled configuration, `--steps` steps; tokens/s and
  MFU as the log has them, of the second half of the steps; `--speed` without a shape leaves it out;
- killed: a small model with --deterministic; one run undisturbed, one killed (SIGKILL) behind its
  first checkpoint and resumed; their logs must be equal to the last bit;
- free: the same two without --deterministic: the largest difference of a loss;
- torchrun: one rank over NCCL with FSDP2 against the run without: the same;
- export: logits of the exported checkpoint by transformers against the loop's own model, in the
  precision of `skypile evaluate` (bf16 on CUDA).

Writes DIR/pretrain_gpu.json with versions and device. Exits 1 where the logs of `killed` differ, or
where a part failed.
"""

from __future__ import annotations

import argparse
import json
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
import yaml

from skypile.pretrain.log import read_log
from skypile.pretrain.nats import loaded
from skypile.pretrain.run_config import load_config
from skypile.pretrain.token_file import write_tokens
from skypile.tokens import DEFAULT_TOKENIZER

SMALL = """
model: {vocabulary_count: 65536, width: 512, layer_count: 4, ff_width: 1408, head_count: 8,
  kv_head_count: 8, head_width: 64, context_tokens: 512}
seq_len: 512
batch_tokens: 16384
micro_batch_rows: 16
max_repeats: 100
execution: {compiled: none}
validation: {every_steps: 10, rows: 8}
checkpoints: {every_steps: 5, keep: 3}
log_every_steps: 1
stages:
- name: main
  tokens: 327680
  mixture: {en/main: 60, zh/main: 40}
  lr: {schedule: cosine, from: 1e-3, to: 1e-4, warmup_tokens: 65536}
"""


def drawn_tokens(folder: Path, token_count: int, vocabulary_count: int) -> Path:
    """Write a folder of tokens as `skypile tokenize` does, of drawn documents in three domains."""
    rng = np.random.default_rng(0)
    ranks = np.arange(1, vocabulary_count, dtype=np.float64)
    chances = np.cumsum(1 / ranks)
    streams = []
    for domain in ("en", "zh", "code"):
        for split, path, share in (
            ("train", f"train/{domain}/main", 0.33),
            ("validation", f"validation/{domain}", 0.003),
        ):
            lengths = np.maximum(rng.lognormal(6.0, 1.0, int(token_count * share / 660)), 8)
            ids = np.searchsorted(chances, rng.random(int(lengths.sum())) * chances[-1])
            documents = np.split(ids.astype(np.uint32), np.cumsum(lengths.astype(np.int64))[:-1])
            manifest = write_tokens(
                folder / path, documents, vocabulary_count=vocabulary_count, tokenizer_sha256="b"
            )
            streams.append(
                {"split": split, "domain": domain, "subset": None, "path": path,
                 "documents": manifest.document_count, "tokens": manifest.token_count}
            )  # fmt: skip
    (folder / "tokenizer.json").write_bytes(DEFAULT_TOKENIZER.read_bytes())
    manifest_of_all = {
        "format_version": 1, "corpus": {"path": "drawn", "digest": "d" * 64, "recipe": "none"},
        "tokenizer": {"sha256": "b", "vocab_size": vocabulary_count, "bos": "<|skypile_bos|>",
                      "eos": "<|skypile_endoftext|>"},
        "validation": {"frac": 0.01, "seed": 0}, "streams": streams,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest_of_all), encoding="utf-8")
    return folder


def command(tokens: Path, run: Path, *rest: str, torchrun: bool = False) -> list[str]:
    """Return the command of a run, by itself or as the only rank of torchrun."""
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1"]
    return [
        sys.executable, *(start if torchrun else ()), "-m", "skypile", "pretrain", str(tokens),
        "--output", str(run), "--quiet", *rest,
    ]  # fmt: skip


def told(run: Path) -> list[dict[str, Any]]:
    """Return the records of a log without what depends on the clock."""
    clock = {"tokens_per_second", "mfu"}
    return [{k: v for k, v in one.items() if k not in clock} for one in read_log(run / "log.jsonl")]


def killed_and_resumed(tokens: Path, run: Path, config: Path, *rest: str) -> None:
    """Start a run, kill it when its first checkpoint is there, and resume it to its end."""
    process = subprocess.Popen(command(tokens, run, "--config", str(config), *rest))
    while process.poll() is None and not any((run / "checkpoints").glob("step-*")):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(command(tokens, run, "--resume", *rest), check=True)


def difference(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how two logs differ: records that are not equal, and the largest loss difference."""
    pairs = list(zip(one, other, strict=True))
    losses = [abs(a["loss"] - b["loss"]) for a, b in pairs if a["kind"] == "step"]
    return {
        "records": len(pairs),
        "differing": sum(a != b for a, b in pairs),
        "largest_loss_difference": max(losses),
        "last_loss": one[-1].get("loss", one[-1].get("losses")),
    }


def fidelity(folder: Path, device: str) -> dict[str, Any]:
    """Return the parts killed, free, torchrun and export."""
    tokens = drawn_tokens(folder / "tokens-small", 1_500_000, 65_536)
    config = folder / "small.yaml"
    config.write_text(SMALL, encoding="utf-8")
    place = ("--device", device)
    found: dict[str, Any] = {}
    for name, rest in (("killed", (*place, "--deterministic")), ("free", place)):
        whole, broken = folder / f"{name}-whole", folder / f"{name}-broken"
        subprocess.run(command(tokens, whole, "--config", str(config), *rest), check=True)
        killed_and_resumed(tokens, broken, config, *rest)
        found[name] = difference(told(whole), told(broken))
        print(name, found[name], flush=True)
    ranked = folder / "torchrun"
    subprocess.run(
        command(tokens, ranked, "--config", str(config), *place, torchrun=True), check=True
    )
    found["torchrun"] = difference(told(folder / "free-whole"), told(ranked))
    print("torchrun", found["torchrun"], flush=True)
    return found


def exported(folder: Path, device: str) -> dict[str, Any]:
    """Return how far transformers' logits are from the loop's own, both in fp32."""
    run, output = folder / "free-whole", folder / "exported"
    subprocess.run(
        [sys.executable, "-m", "skypile", "export", str(run), "--output", str(output)], check=True
    )
    place = torch.device(device)
    ids = torch.randint(0, 65_536, (4, 256), generator=torch.Generator().manual_seed(0)).to(place)
    ours, theirs = (loaded(str(path), place).logits(ids).float() for path in (run, output))
    return {
        "largest_logit_difference": float((ours - theirs).abs().max()),
        "standard_deviation": float(ours.std()),
    }


def speed(folder: Path, shape: str, steps: int, device: str) -> dict[str, Any]:
    """Return tokens/s and MFU of a bundled configuration over the second half of the steps."""
    bundled = load_config(shape)
    tokens = drawn_tokens(
        folder / "tokens", max(8_000_000, bundled.batch_tokens * 4), bundled.model.vocabulary_count
    )
    raw = {
        "model": shape, "seq_len": bundled.seq_len, "batch_tokens": bundled.batch_tokens,
        "micro_batch_rows": bundled.micro_batch_rows, "max_repeats": 1000, "log_every_steps": 1,
        "validation": {"every_steps": 10_000, "rows": 32},
        "checkpoints": {"every_steps": 10_000, "keep": 1},
        "stages": [{
            "name": "main", "tokens": bundled.batch_tokens * steps,
            "mixture": {"en/main": 52.2, "zh/main": 39.6, "code/main": 8.0},
            "lr": {"schedule": "constant", "from": 1e-4},
        }],
    }  # fmt: skip
    config = folder / "speed.yaml"
    config.write_text(yaml.safe_dump(raw), encoding="utf-8")
    run = folder / "speed"
    begun = time.monotonic()
    subprocess.run(command(tokens, run, "--config", str(config), "--device", device), check=True)
    records = [one for one in read_log(run / "log.jsonl") if one["kind"] == "step"]
    half = records[len(records) // 2 :]
    return {
        "shape": shape,
        "batch_tokens": bundled.batch_tokens,
        "steps": len(records),
        "seconds_in_all": round(time.monotonic() - begun, 1),
        "tokens_per_second": round(float(np.median([one["tokens_per_second"] for one in half]))),
        "mfu": half[-1].get("mfu"),
    }


def main() -> int:
    """Run the parts and write what they found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--speed", nargs="*", default=["125m"], metavar="SHAPE")
    parser.add_argument("--steps", type=int, default=30)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if args.device == "cuda" else platform.processor(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "date": time.strftime("%Y-%m-%d"),
    }
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "fidelity": partial(fidelity, args.output, args.device),
        "export": partial(exported, args.output, args.device),
    }
    for shape in args.speed:
        parts[shape] = partial(speed, args.output, shape, args.steps, args.device)
    for name, part in parts.items():
        found[name] = part()
        print(name, found[name], flush=True)
        (args.output / "pretrain_gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    return int(found["fidelity"]["killed"]["differing"] > 0)


if __name__ == "__main__":
    sys.exit(main())
