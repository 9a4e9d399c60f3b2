"""The contenders of score_gpu.py: usual ways to score texts with a checkpoint, and ours.

Each takes texts and returns float32 (documents, labels): the sigmoid of the logits of [CLS], the
first 510 tokens and [SEP].
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    pipeline,
)

from classifiers import DEFAULT
from skypile.stages.classify import Classify

__all__ = ["LABELS", "WINDOW", "pipeline_scores", "row_scores", "stage_scores", "write_checkpoint"]

F32 = npt.NDArray[np.float32]

LABELS: Final = ("quality", "porn", "politics", "stem")
WINDOW: Final = 512
_ROWS: Final = 256


def write_checkpoint(folder: Path, *, vocabulary_size: int) -> None:
    """Write BERT-base's shape with seeded random weights and the shipped tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=vocabulary_size,
        problem_type="multi_label_classification",
        id2label=dict(enumerate(LABELS)),
        label2id={label: at for at, label in enumerate(LABELS)},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    shutil.copy(DEFAULT / "tokenizer.json", folder)
    settings = json.loads((DEFAULT / "tokenizer_config.json").read_text("utf-8"))
    settings["model_max_length"] = WINDOW
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")


def _fast_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast.from_pretrained(folder)


def pipeline_scores(folder: Path, dtype: torch.dtype) -> Callable[[list[str]], F32]:
    """Return the plain way: transformers' pipeline, 32 texts a batch."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=dtype)
    classify = pipeline(
        "text-classification", model=model, tokenizer=_fast_tokenizer(folder), device=0
    )

    def scores(texts: list[str]) -> F32:
        found = classify(
            texts, batch_size=32, top_k=None, function_to_apply="sigmoid", truncation=True,
            max_length=WINDOW,
        )  # fmt: skip
        rows = [{one["label"]: one["score"] for one in document} for document in found]
        return np.array([[row[label] for label in LABELS] for row in rows], dtype=np.float32)

    return scores


def row_scores(folder: Path) -> Callable[[list[str]], F32]:
    """Return the way of fixed batches of rows, all padded to the full window."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).cuda().eval()
    tokenizer = _fast_tokenizer(folder)

    @torch.no_grad()
    def scores(texts: list[str]) -> F32:
        coded = tokenizer(texts, padding="max_length", truncation=True, max_length=WINDOW)
        found = []
        for begin in range(0, len(texts), _ROWS):
            part = slice(begin, begin + _ROWS)
            ids = torch.tensor(coded["input_ids"][part]).cuda()
            mask = torch.tensor(coded["attention_mask"][part]).cuda()
            with torch.autocast("cuda", dtype=torch.float16):
                logits = model(input_ids=ids, attention_mask=mask).logits
            found.append(logits.float().sigmoid().cpu().numpy())
        return np.concatenate(found)

    return scores


def stage_scores(folder: Path) -> Callable[[list[str]], F32]:
    """Return our way: stage classify, as phase score and `skypile filter` call it."""
    stage = Classify.model_validate({"model": str(folder)})
    stage.load()

    def scores(texts: list[str]) -> F32:
        batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
        found = stage(batch)
        return np.stack([np.asarray(found[label]) for label in LABELS], axis=1).astype(np.float32)

    return scores
