"""Loading a sequence classifier and scoring documents that are token ids already.

Any Hugging Face AutoModelForSequenceClassification checkpoint with a tokenizer.json will do. Shape
suffixes: D documents, W windows, B windows of one batch, T positions, L labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.utils import logging as transformers_logging

from classifiers import DEFAULT, ClassifierError
from classifiers.checkpoint import fingerprint, folder_of

__all__ = ["DEFAULT", "Scorer", "load"]

# A batch holds at most this many token slots, padding included. Constants and not measured at run
# time, because the batches decide the last bits of a score.
_CPU_BATCH_TOKENS: Final = 4_096
_CUDA_BATCH_TOKENS: Final = 65_536
# No window is longer, even where a checkpoint could read thousands of tokens.
_MAX_WINDOW_TOKENS: Final = 512
# One adult or political passage is enough; quality and subject are a matter of the whole.
_POOLING: Final[Mapping[str, str]] = {"porn": "max", "politics": "max"}


class Scorer:
    """A loaded checkpoint that scores documents by their first and last window of tokens."""

    labels: tuple[str, ...]
    fingerprint: str
    max_tokens: int
    tokenizer_path: Path

    def __init__(
        self,
        model: torch.nn.Module,
        *,
        tokenizer_path: Path,
        max_tokens: int,
        fingerprint: str = "",
        pooling: Mapping[str, str] | None = None,
    ) -> None:
        config: Any = model.config
        self._model = model.eval()
        self._device = next(model.parameters()).device
        self._activation = _activation(config)
        self.labels = tuple(str(config.id2label[at]) for at in range(config.num_labels))
        self.max_tokens = max_tokens
        self.fingerprint = fingerprint
        self.tokenizer_path = tokenizer_path
        self._prefix, self._suffix = _special_ids(tokenizer_path)
        self._pad_id = int(getattr(config, "pad_token_id", None) or 0)
        pooling = {**_POOLING, **(pooling or {})}
        if not set(pooling.values()) <= {"max", "mean"}:
            raise ClassifierError(f"pooling {pooling}: each label's must be 'max' or 'mean'")
        self._is_max_L = np.array([pooling.get(label) == "max" for label in self.labels])

    def score_ids(self, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Return each document's scores, float32 (documents, labels), in the given order.

        `ids` (uint32) holds all documents' tokens end to end, without special tokens, by this
        checkpoint's tokenizer; document d is ids[offsets[d]:offsets[d + 1]] (int64). A document
        longer than one window is scored by its first and its last; an empty one by the special
        tokens alone. Scores are probabilities (raw values for a regression head); over windows the
        maximum counts for porn and politics, else the mean. They are a function of the arguments,
        batching included, for one device and thread count.
        """
        assert offsets.ndim == 1
        assert len(offsets) >= 1
        assert int(offsets[-1]) <= len(ids)
        document_count = len(offsets) - 1
        pooled_DL = np.zeros((document_count, len(self.labels)), dtype=np.float32)
        if document_count == 0:
            return pooled_DL
        starts_W, lengths_W, documents_W = _windows(offsets, self._room)
        scores_WL = np.empty((len(starts_W), len(self.labels)), dtype=np.float32)
        budget = _CUDA_BATCH_TOKENS if self._device.type == "cuda" else _CPU_BATCH_TOKENS
        order = np.argsort(lengths_W, kind="stable")
        with torch.inference_mode():
            for rows in _batches(lengths_W[order], self.max_tokens - self._room, budget):
                batch = order[rows]
                scores_WL[batch] = self._forward(ids, starts_W[batch], lengths_W[batch])
        # Windows of a document stand next to each other: the second, where there is one, follows.
        first_D = np.searchsorted(documents_W, np.arange(document_count), side="left")
        last_D = np.searchsorted(documents_W, np.arange(document_count), side="right") - 1
        first_DL, last_DL = scores_WL[first_D], scores_WL[last_D]
        return np.where(
            self._is_max_L, np.maximum(first_DL, last_DL), (first_DL + last_DL) * np.float32(0.5)
        )

    @property
    def _room(self) -> int:
        return self.max_tokens - len(self._prefix) - len(self._suffix)

    def _forward(self, ids: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        head, tail = len(self._prefix), len(self._suffix)
        width = int(lengths.max()) + head + tail
        input_BT = np.full((len(starts), width), self._pad_id, dtype=np.int64)
        input_BT[:, :head] = self._prefix
        for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            input_BT[row, head : head + length] = ids[start : start + length]
            input_BT[row, head + length : head + length + tail] = self._suffix
        mask_BT = np.arange(width) < (lengths + head + tail)[:, None]
        logits_BL = self._model(
            input_ids=torch.from_numpy(input_BT).to(self._device),
            attention_mask=torch.from_numpy(mask_BT.astype(np.int64)).to(self._device),
        ).logits.float()
        if self._activation == "sigmoid":
            logits_BL = logits_BL.sigmoid()
        elif self._activation == "softmax":
            logits_BL = logits_BL.softmax(dim=-1)
        scores_BL: np.ndarray = logits_BL.cpu().numpy()
        return scores_BL


def _activation(config: Any) -> str:
    """Return what makes scores of logits; without a problem_type, as transformers' losses do."""
    problem = config.problem_type or (
        "regression" if config.num_labels == 1 else "single_label_classification"
    )
    return {
        "multi_label_classification": "sigmoid",
        "single_label_classification": "softmax",
        "regression": "none",
    }[problem]


def _special_ids(tokenizer_path: Path) -> tuple[list[int], list[int]]:
    """Return the ids that go before and after a text, as the tokenizer's own template has them."""
    tokenizer = Tokenizer.from_file(str(tokenizer_path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    bare = tokenizer.encode("a", add_special_tokens=False).ids
    framed = tokenizer.encode("a", add_special_tokens=True).ids
    for at in range(len(framed) - len(bare) + 1):
        if framed[at : at + len(bare)] == bare:
            return framed[:at], framed[at + len(bare) :]
    raise ClassifierError(f"{tokenizer_path}: its template changes the text's own tokens")


def _windows(offsets: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return starts, lengths and documents of all windows, ordered by document, then position."""
    begins_D = offsets[:-1].astype(np.int64)
    sizes_D = np.diff(offsets).astype(np.int64)
    count_D = np.where(sizes_D > room, 2, 1)
    documents_W = np.repeat(np.arange(len(sizes_D)), count_D)
    is_second_W = np.concatenate(([False], documents_W[1:] == documents_W[:-1]))
    lengths_W = np.minimum(sizes_D, room)[documents_W]
    starts_W = begins_D[documents_W]
    starts_W[is_second_W] += (sizes_D[documents_W] - room)[is_second_W]
    return starts_W, lengths_W, documents_W


def _batches(lengths: np.ndarray, special_count: int, budget: int) -> Iterator[slice]:
    """Yield slices of windows sorted by length whose rows x longest row fit the budget."""
    begin = 0
    for end in range(1, len(lengths) + 1):
        longest = int(lengths[end]) + special_count if end < len(lengths) else budget + 1
        if (end - begin + 1) * longest > budget:
            yield slice(begin, end)
            begin = end


def _max_tokens(config: Any, folder: Path) -> int:
    """Return the longest window: what positions and tokenizer allow, at most 512."""
    positions = int(getattr(config, "max_position_embeddings", _MAX_WINDOW_TOKENS))
    # RoBERTa and its kin number positions from padding_idx + 1 on.
    if "roberta" in config.model_type or config.model_type == "camembert":
        positions -= int(config.pad_token_id) + 1
    settings = folder / "tokenizer_config.json"
    if settings.is_file():
        limit = json.loads(settings.read_text(encoding="utf-8")).get("model_max_length")
        positions = min(positions, int(limit)) if limit else positions
    return min(positions, _MAX_WINDOW_TOKENS)


def load(
    name_or_path: str | Path,
    *,
    threads: int | None = None,
    device: str | None = None,
    pooling: Mapping[str, str] | None = None,
) -> Scorer:
    """Return a Scorer for "default" (the shipped weights), a folder, or a Hub id.

    fp32 on the CPU, bf16 on CUDA, which is taken where present unless `device` says otherwise.
    `threads` sets torch's threads for the process. `pooling` maps label names to "max" or "mean"
    over a document's windows. Code from a checkpoint never runs; a checkpoint without
    model.safetensors or tokenizer.json is a ClassifierError.
    """
    folder = folder_of(str(name_or_path))
    if threads is not None:
        torch.set_num_threads(threads)
    # A bar on stderr for a load of milliseconds is noise in every worker's log.
    transformers_logging.disable_progress_bar()
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        model = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.bfloat16 if place.startswith("cuda") else torch.float32,
        )
    except (OSError, ValueError) as error:
        raise ClassifierError(f"{folder}: cannot be loaded as a classifier: {error}") from error
    return Scorer(
        model.to(place),
        tokenizer_path=folder / "tokenizer.json",
        max_tokens=_max_tokens(config, folder),
        fingerprint=fingerprint(folder),
        pooling=pooling,
    )
