"""Documents and megabytes a second per CPU core: a checkpoint with its screen, without, and plain.

    python benchmarks/score_cpu.py FILE.jsonl[.zst]... [--model default] [--documents 300]

The contenders score the same documents by the same weights on one core, by turns:

- pipeline: transformers.pipeline("text-classification"), as its documentation has it, 32 texts a
  batch in the order that they come in, padded to the longest, cut after the first window;
- loop: the same model in a loop as one would write it with care: windows sorted by length, 32 a
  batch, padded to the longest;
- alone: stage classify's scorer without the screen (`cascade: false`);
- cascade: the same with the screen, where the checkpoint's folder has one;
- int8: alone, by the model's own forward, its linear layers quantised by torch.ao;
- bf16: alone, all of it in bf16.

Documents longer than a window are given to `loop` and ours window by window, the same ones; the
pipeline cannot have windows, so it is given each window as a text of its own (decoded from the
ids and encoded to the very ids again, or the document is left out and counted). So all do the same
work. Answers are compared before speed is: plain transformers and ours within 1e-4, and what the
cascade leaves to the model within 1e-4 of it. Seconds are those of the process's CPU, all threads.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import random
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
import zstandard
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast, pipeline

from classifiers.checkpoint import folder_of
from classifiers.engine import PaddedEngine
from classifiers.model import Scorer, frame_of, load
from classifiers.windows import windows
from skypile.tokens import load_encoder

F32 = npt.NDArray[np.float32]
_BATCH: Final = 32
_TOLERANCE: Final = 1e-4
# A document's text is cut here: what lies behind would be tokens that no window holds.
_MAX_CHARS: Final = 40_000


@dataclass(frozen=True)
class Work:
    """Documents as texts, ids and windows."""

    texts: list[str]
    ids: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    pieces: list[str]  # each window as text
    left_out: int

    @property
    def text_bytes(self) -> int:
        """Bytes of UTF-8 of all texts."""
        return sum(len(text.encode()) for text in self.texts)


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as raw:
        stream: Any = raw
        if path.suffix == ".zst":
            stream = zstandard.ZstdDecompressor().stream_reader(raw)
        yield from io.TextIOWrapper(stream, encoding="utf-8")


def sampled(files: list[Path], count: int) -> list[str]:
    """Return texts of JSON Lines files, as many of each file, drawn with a fixed seed."""
    rng = random.Random(0)
    texts: list[str] = []
    for path in files:
        found = [json.loads(line)["text"][:_MAX_CHARS] for line in _lines(path)]
        found = [text for text in found if text.strip()]
        texts += rng.sample(found, min(len(found), -(-count // len(files))))
    rng.shuffle(texts)
    return texts


def work_of(texts: list[str], scorer: Scorer, tokenizer: Any) -> Work:
    """Return the texts whose windows decode to what encodes to the same ids."""
    encoder = load_encoder(scorer.tokenizer_path)
    chosen: list[str] = []
    pieces: list[str] = []
    for text in texts:
        ids = encoder.encode(pa.array([text], pa.large_string())).ids
        starts, lengths, _ = windows(np.array([0, len(ids)]), scorer.room, scorer.max_windows)
        parts = [ids[at : at + size].tolist() for at, size in zip(starts, lengths, strict=True)]
        decoded = [tokenizer.decode(part, clean_up_tokenization_spaces=False) for part in parts]
        again = [tokenizer(one, add_special_tokens=False)["input_ids"] for one in decoded]
        if parts == again and all(one.strip() for one in decoded):
            chosen.append(text)
            pieces += decoded
    found = encoder.encode(pa.array(chosen, pa.large_string()))
    starts, lengths, _ = windows(found.offsets, scorer.room, scorer.max_windows)
    assert len(starts) == len(pieces)
    left_out = len(texts) - len(chosen)
    return Work(chosen, found.ids, found.offsets, starts, lengths, pieces, left_out)


def pipeline_scores(folder: Path, tokenizer: Any, scorer: Scorer) -> Callable[[Work], F32]:
    """Return the plain way: transformers' pipeline over the windows' texts."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")

    def scores(work: Work) -> F32:
        found = classify(
            work.pieces, batch_size=_BATCH, top_k=None, function_to_apply=scorer.activation,
            truncation=True, max_length=scorer.max_tokens,
        )  # fmt: skip
        rows = [{one["label"]: one["score"] for one in window} for window in found]
        return np.array(
            [[row[label] for label in scorer.own_labels] for row in rows], dtype=np.float32
        )

    return scores


def loop_scores(folder: Path, tokenizer: Any, scorer: Scorer) -> Callable[[Work], F32]:
    """Return a careful loop over the windows' texts, sorted by length and padded by batches."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.inference_mode()
    def scores(work: Work) -> F32:
        coded = tokenizer(work.pieces, truncation=True, max_length=scorer.max_tokens)["input_ids"]
        order = np.argsort([len(ids) for ids in coded], kind="stable")
        found = np.empty((len(coded), len(scorer.own_labels)), np.float32)
        for begin in range(0, len(order), _BATCH):
            rows = order[begin : begin + _BATCH]
            batch = tokenizer.pad({"input_ids": [coded[row] for row in rows]}, return_tensors="pt")
            logits = model(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            ).logits
            found[rows] = scorer.scores_of(logits.numpy())
        return found

    return scores


def our_scores(scorer: Scorer) -> Callable[[Work], F32]:
    """Return our way: texts to ids, ids to what the windows score (screen, then the model)."""
    encoder = load_encoder(scorer.tokenizer_path)

    def scores(work: Work) -> F32:
        found = encoder.encode(pa.array(work.texts, pa.large_string()))
        starts, lengths, _ = windows(found.offsets, scorer.room, scorer.max_windows)
        return window_scores(scorer, found.ids, starts, lengths)[0]

    return scores


def window_scores(
    scorer: Scorer, ids: Any, starts: Any, lengths: Any
) -> tuple[F32, npt.NDArray[np.bool_]]:
    """Return the windows' scores, and which the model scored."""
    scores = np.empty((len(starts), len(scorer.own_labels)), np.float32)
    passed = np.ones(len(starts), bool)
    if scorer.screen is not None:
        scores = scorer.screen.estimates(ids, starts, lengths)
        passed = ~scorer.screen.clear(scores)
    with torch.inference_mode():
        logits = scorer.engine.start(ids, starts[passed], lengths[passed])()
    scores[passed] = scorer.scores_of(logits)
    return scores, passed


def quantised(folder: Path) -> Scorer:
    """Return the scorer with int8 linear layers, whose inputs are quantised as they come."""
    scorer = load(folder, device="cpu", threads=1, cascade=False)
    quantization: Any = torch.ao.quantization
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao is to be replaced by torchao
        model = quantization.quantize_dynamic(
            copy.deepcopy(scorer.model), {torch.nn.Linear}, dtype=torch.qint8
        )
    # Quantised layers have no plain weights that could be laid side by side.
    scorer.engine = PaddedEngine(model, frame_of(scorer.tokenizer_path), pad_id=0)
    return scorer


def halved(folder: Path) -> Scorer:
    """Return the scorer with weights and activations in bf16."""
    scorer = load(folder, device="cpu", threads=1, cascade=False)
    model = copy.deepcopy(scorer.model).to(torch.bfloat16)
    return Scorer(model, tokenizer_path=scorer.tokenizer_path, max_tokens=scorer.max_tokens)


def seconds_of(work: Callable[[], Any]) -> float:
    """Return the CPU time of a call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def contenders(folder: Path, tokenizer: Any, alone: Scorer) -> dict[str, Callable[[Work], F32]]:
    """Return what is compared, by name."""
    found = {
        "pipeline": pipeline_scores(folder, tokenizer, alone),
        "loop": loop_scores(folder, tokenizer, alone),
        "alone": our_scores(alone),
    }
    both = load(folder, device="cpu", threads=1)
    if both.screen is not None:
        found["cascade"] = our_scores(both)
    for name, make in (("int8", quantised), ("bf16", halved)):
        try:
            found[name] = our_scores(make(folder))
        except (RuntimeError, AttributeError, NotImplementedError) as error:
            print(f"{name} is not run: {error}")
    return found


def checked(every: dict[str, Callable[[Work], F32]], work: Work, both: Scorer) -> dict[str, float]:
    """Return the largest difference of a score from plain transformers', by contender.

    Raises SystemExit where those that should be equal are not.
    """
    want = every["loop"](work)
    differences = {}
    for name, scores in every.items():
        found = scores(work)
        rows = np.ones(len(want), bool)
        if name == "cascade":
            rows = window_scores(both, work.ids, work.starts, work.lengths)[1]
        differences[name] = float(np.abs(found - want)[rows].max(initial=0.0))
        if name not in ("int8", "bf16") and differences[name] > _TOLERANCE:
            raise SystemExit(f"{name}: differs by {differences[name]} from plain transformers")
    return differences


def parts_of(both: Scorer, work: Work) -> dict[str, float]:
    """Return CPU seconds of the tokenizer, the screen and the model behind it."""
    encoder = load_encoder(both.tokenizer_path)
    texts = pa.array(work.texts, pa.large_string())
    found = {"tokenizer": seconds_of(lambda: encoder.encode(texts))}
    passed = np.ones(len(work.starts), bool)
    if both.screen is not None:
        screen = both.screen

        def decide() -> None:
            screen.clear(screen.estimates(work.ids, work.starts, work.lengths))

        found["screen"] = seconds_of(decide)
        passed = window_scores(both, work.ids, work.starts, work.lengths)[1]
    with torch.inference_mode():
        found["model"] = seconds_of(
            lambda: both.engine.start(work.ids, work.starts[passed], work.lengths[passed])()
        )
    return found


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, print and return the figures."""
    torch.set_num_threads(1)
    folder = folder_of(args.model)
    alone = load(folder, device="cpu", threads=1, cascade=False)
    both = load(folder, device="cpu", threads=1)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    work = work_of(sampled(args.files, args.documents), alone, tokenizer)
    print(
        f"{len(work.texts)} documents, {work.text_bytes / 1e6:.2f} MB, {len(work.starts)} windows, "
        f"{int(work.lengths.sum()):,} tokens; {work.left_out} documents left out, whose windows "
        "do not encode to themselves"
    )
    every = contenders(folder, tokenizer, alone)
    differences = checked(every, work, both)
    rounds: dict[str, list[float]] = {name: [] for name in every}
    parts: list[dict[str, float]] = []
    for _ in range(args.rounds):
        for name, scores in every.items():
            rounds[name].append(seconds_of(partial(scores, work)))
        parts.append(parts_of(both, work))
    passed = window_scores(both, work.ids, work.starts, work.lengths)[1]
    best = {name: min(each) for name, each in rounds.items()}
    told: dict[str, Any] = {
        "documents": len(work.texts), "text_bytes": work.text_bytes,
        "windows": len(work.starts), "windows_passed": int(passed.sum()),
        "seconds": {name: [round(one, 3) for one in each] for name, each in rounds.items()},
        "largest_difference": differences,
        "parts_seconds": {name: min(one[name] for one in parts) for name in parts[0]},
    }  # fmt: skip
    print(f"{int(passed.sum())} of {len(passed)} windows are passed on ({passed.mean():.1%})")
    print(
        "| | documents/s | MB/s | times the pipeline | largest difference |\n|---|---|---|---|---|"
    )
    for name, each in best.items():
        print(
            f"| {name} | {len(work.texts) / each:.1f} | {work.text_bytes / each / 1e6:.3f} "
            f"| {best['pipeline'] / each:.2f} | {differences[name]:.1e} |"
        )
    for name, each in told["parts_seconds"].items():
        print(f"{name}: {each:.3f} s, {work.text_bytes / max(each, 1e-9) / 1e6:.1f} MB/s")
    return told


def main() -> int:
    """Compare the contenders on the files' documents."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--model", default="default")
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, metavar="FILE.json")
    args = parser.parse_args()
    told = run(args)
    if args.output:
        args.output.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
