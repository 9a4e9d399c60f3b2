"""Scoring with BERT-base on one GPU: tokens and documents a second, beside two usual ways.

    python benchmarks/score_gpu.py prepare FILE.jsonl.zst... --output DOCUMENTS.parquet
    python benchmarks/score_gpu.py run DOCUMENTS.parquet --output FOLDER [--rounds 3]

`prepare` cuts documents after about 500 tokens, so that all contenders read the same tokens: none
has a second window. `run` scores them with one checkpoint of BERT-base's shape (12 layers x 768,
110 million parameters but for the vocabulary, which is that of the shipped tokenizer), with random
weights, which are as fast as trained ones. The contenders, by turns:

- pipeline: transformers.pipeline("text-classification") as its documentation has it, fp32,
  32 texts a batch, padded to the longest;
- rows: fixed batches of 256 rows, each padded to 512 tokens, fp16 autocast, lists to tensors and
  blocking copies, as NeMo Curator's classifier stages do it;
- padded: our rectangles of windows of like length, bf16;
- packed: our packs for variable-length attention, bf16; compiled: the same, as shipped.

Answers are compared before speed is: each contender's scores with those of fp32. "Useful" tokens
are those of the documents and their special ones, without padding; arithmetic is counted as 2
operations for each weight of a matrix and token, plus 4 x layers x hidden x window tokens for
attention (less in the last layer: see `flops`). The matrix rate is measured in the same run, on
random data. Results stand in FOLDER/score_gpu.json after each part, so that a run cut off leaves
what it had.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import zstandard
from score_card import Busy, matrix_rate
from score_contenders import (
    LABELS,
    WINDOW,
    pipeline_scores,
    row_scores,
    stage_scores,
    write_checkpoint,
)
from tokenizers import Tokenizer
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
)

from classifiers import DEFAULT
from classifiers.engine import PackedEngine, PaddedEngine
from classifiers.packed import PackedEncoder
from classifiers.windows import Frame, pack_rows
from skypile.tokens import load_encoder

F32 = npt.NDArray[np.float32]

_CUT_TOKENS: Final = 500
_TOLERANCE: Final = 2e-2
# [CLS] and [SEP] of the shipped tokenizer.
_FRAME: Final = Frame((2,), (3,))
# What the slow contenders are given of the documents; their rate does not depend on it.
_PIPELINE_DOCUMENTS: Final = 1_024
_ROWS_DOCUMENTS: Final = 4_096


def prepare(files: list[Path], output: Path, count: int) -> None:
    """Write `count` documents of JSON Lines files, drawn by hash, cut after about 500 tokens."""
    tokenizer = Tokenizer.from_file(str(DEFAULT / "tokenizer.json"))
    drawn: list[tuple[str, str]] = []
    for path in files:
        with zstandard.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                text = json.loads(line)["text"]
                if text.strip():
                    # 6,000 characters hold more than 500 tokens in either language.
                    cut = text[:6_000]
                    drawn.append((hashlib.sha256(cut.encode()).hexdigest(), cut))
    texts = [text for _, text in sorted(drawn)[:count]]
    encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
    cuts = [
        text[: one.offsets[_CUT_TOKENS][0]] if len(one.ids) > _CUT_TOKENS else text
        for text, one in zip(texts, encoded, strict=True)
    ]
    pq.write_table(pa.table({"text": cuts}), output, compression="zstd", compression_level=19)
    print(f"{len(cuts):,} documents, {sum(len(x.encode()) for x in cuts) / 1e6:.1f} MB")


def flops(config: BertConfig, lengths: npt.NDArray[np.int64]) -> float:
    """Return the arithmetic of scoring windows of `lengths` tokens, special ones included.

    That which is done, and no more: of the last layer only keys and values are computed for all
    tokens, the rest for each window's first. Rectangles and the other contenders compute it all.
    """
    hidden, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    tokens, pairs = int(lengths.sum()), int((lengths**2).sum())
    layer = 4 * hidden * hidden + 2 * hidden * inner
    body = (layers - 1) * (2 * layer * tokens + 4 * hidden * pairs)
    last = 2 * (2 * hidden * hidden) * tokens + 4 * hidden * tokens
    heads = 2 * (layer - 2 * hidden * hidden + hidden * hidden) * len(lengths)
    return float(body + last + heads)


def parity(folder: Path) -> dict[str, float]:
    """Return the largest differences of logits from plain fp32 transformers on the card."""
    plain = AutoModelForSequenceClassification.from_pretrained(folder).cuda().eval()
    rng = np.random.default_rng(1)
    lengths = np.array([0, 1, 30, 200, 510, 509, 64, 128], dtype=np.int64)
    ids = rng.integers(10, 16_000, 4_000).astype(np.uint32)
    starts = rng.integers(0, 3_000, len(lengths)).astype(np.int64)
    rows = [[2, *ids[a : a + n].tolist(), 3] for a, n in zip(starts, lengths, strict=True)]
    pack = pack_rows(ids, starts, lengths, _FRAME, 2_048)
    inputs = [torch.from_numpy(array).cuda() for array in (pack.ids, pack.positions, pack.borders)]
    with torch.inference_mode():
        expected = torch.cat([plain(input_ids=torch.tensor([row]).cuda()).logits for row in rows])
        packed = PackedEncoder(plain, dense_attention=True)(*inputs, WINDOW)[: len(rows)]
        half = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.bfloat16)
        bf16 = PackedEncoder(half.cuda().eval())(*inputs, WINDOW)[: len(rows)].float()
    found = {
        "fp32": float((packed - expected).abs().max()),
        "bf16": float((bf16 - expected).abs().max()),
        "logits_std": float(expected.std()),
    }
    assert found["fp32"] < 1e-4, found
    assert found["bf16"] < _TOLERANCE, found
    return found


def engines(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield our engines over one bf16 model: rectangles, packs, compiled packs, as shipped last."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.bfloat16)
    model = model.cuda().eval()
    yield "padded", PaddedEngine(model, _FRAME, pad_id=0)
    yield "packed", PackedEngine(model, _FRAME, max_tokens=WINDOW, compiled=False)
    yield "compiled", PackedEngine(model, _FRAME, max_tokens=WINDOW)


def engine_rates(
    folder: Path, ids: Any, offsets: Any, rate: float, rounds: int
) -> dict[str, dict[str, float]]:
    """Return useful tokens/s and the share of the matrix rate of each engine, from ids to logits.

    Two sets of windows: the documents as they are, and as many windows of exactly 512 tokens.
    """
    config = BertConfig.from_pretrained(folder)
    sets = {"documents": (offsets[:-1], np.diff(offsets))}
    full = np.arange(0, len(ids) - 510, 510)[: len(offsets)]
    sets["full windows"] = (full, np.full(len(full), 510))
    results: dict[str, dict[str, float]] = {}
    own = list(engines(folder))
    with torch.inference_mode():
        for name, (starts, lengths) in sets.items():
            arithmetic, tokens = flops(config, lengths + 2), int((lengths + 2).sum())
            seconds: dict[str, list[float]] = {label: [] for label, _ in own}
            for label, engine in own:  # compiles, and settles the allocator
                begun = time.perf_counter()
                engine.start(ids, starts, lengths)()
                results[f"{label}, {name}"] = {"first_call_s": time.perf_counter() - begun}
            for _ in range(rounds):
                for label, engine in own:
                    torch.cuda.synchronize()
                    begun = time.perf_counter()
                    engine.start(ids, starts, lengths)()
                    seconds[label].append(time.perf_counter() - begun)
            for label, taken in seconds.items():
                median = statistics.median(taken)
                results[f"{label}, {name}"] |= {
                    "tokens_per_s": tokens / median,
                    "windows_per_s": len(lengths) / median,
                    "tflops": arithmetic / median / 1e12,
                    "share_of_matrix_rate": arithmetic / median / 1e12 / rate,
                    "spread": (max(taken) - min(taken)) / median,
                }
            results[f"compiled, {name}"]["gpu_busy"] = _busy_by_events(
                own[-1][1], ids, starts, lengths
            )
    return results


def _busy_by_events(engine: PackedEngine, ids: Any, starts: Any, lengths: Any) -> float:
    engine.events = []
    torch.cuda.synchronize()
    begun = time.perf_counter()
    engine.start(ids, starts, lengths)()
    wall = time.perf_counter() - begun
    torch.cuda.synchronize()
    busy = float(sum(begin.elapsed_time(end) for begin, end in engine.events)) / 1e3
    engine.events = None
    return busy / wall


def end_to_end(
    documents: Path, scores: Callable[[list[str]], F32], count: int, output: Path
) -> tuple[float, F32, float | None]:
    """Read texts from Parquet, score them, write Parquet; return seconds, scores, share busy."""
    with Busy() as busy:
        begun = time.perf_counter()
        texts = pq.read_table(documents, columns=["text"])["text"][:count].to_pylist()
        found = scores(texts)
        columns = {label: found[:, at] for at, label in enumerate(LABELS)}
        pq.write_table(pa.table({"text": texts, **columns}), output)
        seconds = time.perf_counter() - begun
    return seconds, found, busy.frac


def compare(folder: Path, documents: Path, output: Path, rounds: int) -> dict[str, Any]:
    """Return documents/s from Parquet to Parquet of each contender, by turns, answers compared."""
    total = pq.read_metadata(documents).num_rows
    contenders = {
        "pipeline fp32": (pipeline_scores(folder, torch.float32), _PIPELINE_DOCUMENTS),
        "pipeline bf16": (pipeline_scores(folder, torch.bfloat16), _PIPELINE_DOCUMENTS),
        "rows": (row_scores(folder), _ROWS_DOCUMENTS),
        "skypile": (stage_scores(folder), total),
    }
    table = output / "scored.parquet"
    reference = contenders["pipeline fp32"][0](
        pq.read_table(documents)["text"][:_PIPELINE_DOCUMENTS].to_pylist()
    )
    results: dict[str, Any] = {name: {"seconds": [], "busy": []} for name in contenders}
    for name, (scores, count) in contenders.items():  # warm, and compare
        begun = time.perf_counter()
        _, found, _ = end_to_end(documents, scores, count, table)
        results[name]["first_call_s"] = time.perf_counter() - begun
        difference = float(np.abs(found[: len(reference)] - reference).max())
        results[name]["difference"] = difference
        assert difference < _TOLERANCE, (name, difference)
    for _ in range(rounds):
        for name, (scores, count) in contenders.items():
            seconds, _, busy = end_to_end(documents, scores, count, table)
            results[name]["seconds"].append(seconds)
            results[name]["busy"].append(busy)
    for name, (_, count) in contenders.items():
        results[name]["documents"] = count
        results[name]["documents_per_s"] = count / statistics.median(results[name]["seconds"])
    table.unlink()
    return results


def autotuned_rate(folder: Path, ids: Any, offsets: Any, rounds: int) -> dict[str, float]:
    """Return tokens/s of packs whose matrix products inductor chose by trial, epilogues fused."""
    (_, engine), *_ = [one for one in engines(folder) if one[0] == "compiled"]
    engine._compiled = torch.compile(
        engine.encoder, dynamic=False, fullgraph=True, mode="max-autotune-no-cudagraphs"
    )
    starts, lengths = offsets[:-1], np.diff(offsets)
    begun = time.perf_counter()
    with torch.inference_mode():
        engine.start(ids, starts, lengths)()
        first = time.perf_counter() - begun
        begun = time.perf_counter()
        for _ in range(rounds):
            engine.start(ids, starts, lengths)()
    seconds = (time.perf_counter() - begun) / rounds
    return {"first_call_s": first, "tokens_per_s": int((lengths + 2).sum()) / seconds}


def _environment() -> dict[str, Any]:
    import transformers

    driver = subprocess.run(
        ["nvidia-smi", "--query-gpu=name,driver_version,clocks.sm,power.draw,power.limit",
         "--format=csv,noheader"],
        capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    return {
        "date": time.strftime("%Y-%m-%d"),
        "gpu": torch.cuda.get_device_name(),
        "nvidia_smi": driver,
        "torch": torch.__version__,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "transformers": transformers.__version__,
        "python": sys.version.split()[0],
    }


def run(documents: Path, folder: Path, output: Path, rounds: int, *, autotune: bool) -> None:
    """Measure everything, writing the results after each part, and print them."""
    output.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {"environment": _environment()}

    def note(name: str, value: Any) -> None:
        results[name] = value
        (output / "score_gpu.json").write_text(json.dumps(results, indent=1), "utf-8")
        print(f"{name}: {json.dumps(value, indent=1)}", flush=True)

    note("environment", results["environment"])
    encoder = load_encoder(DEFAULT / "tokenizer.json")
    write_checkpoint(folder, vocabulary_size=16_384)
    note("matrix_tflops", matrix_rate())
    note("parity", parity(folder))
    begun = time.perf_counter()
    found = encoder.encode(pq.read_table(documents)["text"].combine_chunks())
    lengths = np.diff(found.offsets)
    note(
        "documents",
        {
            "count": len(lengths),
            "tokens": int(lengths.sum()),
            "mean_tokens": float(lengths.mean()),
            "longest": int(lengths.max()),
            "tokenise_s": time.perf_counter() - begun,
        },
    )
    assert lengths.max() <= WINDOW - 2, "prepare cuts documents to one window"
    ceiling = results["matrix_tflops"]["8192 x 8192 x 8192"]
    note("ids_to_logits", engine_rates(folder, found.ids, found.offsets, ceiling, rounds))
    note("parquet_to_parquet", compare(folder, documents, output, rounds))
    if autotune:
        note("autotuned", autotuned_rate(folder, found.ids, found.offsets, rounds))


def main() -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("prepare")
    first.add_argument("files", nargs="+", type=Path)
    first.add_argument("--output", required=True, type=Path)
    first.add_argument("--documents", type=int, default=24_000)
    second = commands.add_parser("run")
    second.add_argument("documents", type=Path)
    second.add_argument("--output", required=True, type=Path)
    second.add_argument("--rounds", type=int, default=3)
    second.add_argument("--autotune", action="store_true", help="try inductor's autotuning as well")
    args = parser.parse_args()
    if args.command == "prepare":
        prepare(args.files, args.output, args.documents)
    elif not torch.cuda.is_available():
        parser.error("run needs a CUDA GPU")
    else:
        with tempfile.TemporaryDirectory() as folder:
            run(
                args.documents,
                Path(folder) / "bert-base",
                args.output,
                args.rounds,
                autotune=args.autotune,
            )


if __name__ == "__main__":
    main()
