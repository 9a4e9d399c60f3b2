"""From raw documents to the loss of each domain, on a CPU: build, tokenize, two stages, evaluate.

    python benchmarks/train_tiny.py FILE.jsonl.zst... --output DIR [--bytes 2_500_000] [--held 40]
        [--config tiny] [--threads N] [--documents 15]

Of each file, which is a domain, documents are drawn by a hash of their text: `--held` are kept for
the judgement, others up to `--bytes` of text are built (recipe web, no mixture), tokenized, and
trained on by `skypile pretrain`. The checkpoints at the end of each stage are judged on the held
documents, cut at 6,000 characters. Parts of one book may stand on both sides. Prints the loss of
each stream as the log has it, and bits per byte by domain.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

_CUT_CHARS = 6000
_LEAST_CHARS = 400


def _skypile(*args: object) -> None:
    subprocess.run([sys.executable, "-m", "skypile", *map(str, args)], check=True)


def _texts(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            yield json.loads(line)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()


def _drawn(path: Path, held: int, size: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the documents of a file that are judged, and those that are built."""
    rows = [row for row in _texts(path) if len(row["text"]) >= _LEAST_CHARS]
    rows.sort(key=lambda row: _key(row["text"]))
    judged, built, taken = rows[:held], [], 0
    for row in rows[held:]:
        if taken >= size:
            break
        taken += len(row["text"].encode("utf-8", "replace"))
        built.append(row)
    return judged, built


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")


def _stage_ends(run: Path) -> dict[str, Path]:
    """Return the last checkpoint of each stage that is still there."""
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    # Steps are logged now and then, but each stage ends with a validation.
    ends = {one["stage"]: one["step"] for one in records if one["kind"] == "validation"}
    paths = {name: run / "checkpoints" / f"step-{step:08d}" for name, step in ends.items()}
    return {name: path for name, path in paths.items() if path.is_dir()}


def _show_log(run: Path) -> None:
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    losses = [record for record in records if record["kind"] == "validation"]
    names = list(losses[0]["losses"])
    print("| stage, step | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for record in losses:
        cells = " | ".join(f"{record['losses'][name]:.3f}" for name in names)
        print(f"| {record['stage']}, {record['step']} | {cells} |")
    for record in records:
        if record["kind"] == "guard":
            print(f"guard: {json.dumps(record)}")


def _show_domains(found: dict[str, dict[str, Any]]) -> None:
    stages = list(found)
    print("\n| domain | " + " | ".join(stages) + " |\n" + "|---" * (len(stages) + 1) + "|")
    for domain in next(iter(found.values())):
        cells = [found[stage][domain]["bits_per_byte"] for stage in stages]
        told = (f"{x['value']:.3f} ({x['low']:.3f}-{x['high']:.3f})" for x in cells)
        print(f"| {domain} | {' | '.join(told)} |")


def main() -> None:
    """Run all steps and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--bytes", type=int, default=2_500_000)
    parser.add_argument("--held", type=int, default=40)
    parser.add_argument("--documents", type=int, default=15, help="judged of each domain")
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    raw, held = args.output / "raw", args.output / "held"
    for path in args.files:
        name = path.name.split(".")[0]
        judged, built = _drawn(path, args.held, args.bytes)
        _write(raw / f"{name}.jsonl", built)
        _write(held / f"{name}.jsonl", [{"text": row["text"][:_CUT_CHARS]} for row in judged])
    corpus, tokens, run = (args.output / name for name in ("corpus", "tokens", "run"))
    _skypile("build", raw, "--output", corpus, "--mixture", "none", "--workers", 0, "--overwrite")
    _skypile("tokenize", corpus, "--output", tokens, "--overwrite")
    _skypile("pretrain", tokens, "--config", args.config, "--output", run,
             "--threads", args.threads, "--device", "cpu")  # fmt: skip
    found = {}
    for stage, checkpoint in _stage_ends(run).items():
        path = args.output / f"{stage}.json"
        _skypile("evaluate", checkpoint, "--domains", held, "--json", path,
                 "--max-documents", args.documents, "--device", "cpu")  # fmt: skip
        found[stage] = json.loads(path.read_text())["domains"]
    _show_log(run)
    _show_domains(found)


if __name__ == "__main__":
    main()
