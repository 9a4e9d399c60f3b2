"""The information of texts under a model, in nats: -log p of every token of a document.

The sum over a document does not depend on how its text is cut into tokens, so models with
different tokenizers can be compared by it. The first token is scored too, behind a token that
begins documents. A document longer than the model's context goes through it in windows that
overlap by half: each token is scored once, in the first window that reaches it.

Shape suffixes: B windows, T positions, V vocabulary, N tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file

from skypile.errors import InputError
from skypile.pretrain.checkpoint import newest, read_state
from skypile.pretrain.export import special_tokens
from skypile.pretrain.model import Llama
from skypile.pretrain.run_config import RunConfig
from skypile.pretrain.run_folder import TOKENIZER_FILE

__all__ = ["Judge", "Window", "document_nats", "loaded", "windows"]

Tensor = torch.Tensor
F64 = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

# Logits of a batch take 4 bytes for each token and entry of the vocabulary: 0.5 GB for 16,384.
_BATCH_TOKENS = 8192


class _Logits(Protocol):
    def __call__(self, ids_BT: Tensor) -> Tensor:
        """Return logits (B, T, V) of rows that may be padded at the end."""


@dataclass(frozen=True)
class Judge:
    """A causal language model that scores tokens; `begin` is the id that stands before documents.

    `tokenizer` is its tokenizer.json.
    """

    logits: _Logits
    context_tokens: int
    begin: int | None
    tokenizer: Path
    device: torch.device


@dataclass(frozen=True)
class Window:
    """Inputs `start` to `end` - 1 of a document's ids; targets from `first` on are scored.

    Target i is id i; the input before it is id i - 1.
    """

    start: int
    end: int
    first: int


def windows(id_count: int, context_tokens: int) -> list[Window]:
    """Return windows of up to `context_tokens` inputs that score ids 1 to `id_count` - 1 once.

    >>> [(one.start, one.end, one.first) for one in windows(11, 4)]
    [(0, 4, 1), (2, 6, 5), (4, 8, 7), (6, 10, 9)]
    """
    found = []
    scored = 1
    start = 0
    while scored < id_count:
        end = min(start + context_tokens, id_count - 1)
        found.append(Window(start, end, scored))
        scored = end + 1
        start += max(context_tokens // 2, 1)
    return found


def document_nats(
    judge: Judge, documents: Sequence[Ids], *, context_tokens: int | None = None
) -> F64:
    """Return the nats of each document: of all of its ids but the first, which nothing precedes.

    Windows of like length are scored together; padding stands behind them, where causal attention
    does not look back from.
    """
    context = min(context_tokens or judge.context_tokens, judge.context_tokens)
    work = [
        (number, window)
        for number, ids in enumerate(documents)
        for window in windows(len(ids), context)
    ]
    work.sort(key=lambda entry: entry[1].end - entry[1].start)
    nats = np.zeros(len(documents), np.float64)
    for batch in _batches(work):
        pieces = [documents[number][window.start : window.end + 1] for number, window in batch]
        for (number, window), found in zip(batch, _losses(judge, pieces), strict=True):
            nats[number] += found[window.first - window.start - 1 :].sum()
    return nats


def _batches(work: Sequence[tuple[int, Window]]) -> Iterator[list[tuple[int, Window]]]:
    batch: list[tuple[int, Window]] = []
    for entry in work:
        # Sorted by length: the newest is the longest.
        length = entry[1].end - entry[1].start
        if batch and (len(batch) + 1) * length > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(entry)
    if batch:
        yield batch


@torch.inference_mode()
def _losses(judge: Judge, pieces: Iterable[Ids]) -> list[F64]:
    """Return -log p of the ids behind the first of each piece, in float64."""
    rows = [torch.from_numpy(piece) for piece in pieces]
    padded_BT = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(judge.device)
    logits_BTV = judge.logits(padded_BT[:, :-1])
    losses_N = F.cross_entropy(
        logits_BTV.flatten(0, 1).float(), padded_BT[:, 1:].flatten(), reduction="none"
    )
    losses_BT = losses_N.view(len(rows), -1).double().cpu().numpy()
    return [row[: len(ids) - 1] for row, ids in zip(losses_BT, rows, strict=True)]


def loaded(model: str, device: torch.device) -> Judge:
    """Return the model of a run, a checkpoint, or a folder or name that transformers loads.

    Raises InputError where it is neither.
    """
    path = Path(model)
    if (path / "checkpoint.json").is_file() or (path / "checkpoints").is_dir():
        return _own(newest(path), device)
    return _hugging_face(model, device)


def _own(folder: Path, device: torch.device) -> Judge:
    state = read_state(folder)
    config = RunConfig.model_validate(state.config).model
    is_cuda = device.type == "cuda"
    llama = Llama(config, attention="causal", dtype=torch.bfloat16 if is_cuda else torch.float32)
    try:
        llama.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{folder}: is damaged ({error})") from error
    llama.to(device).eval()
    tokenizer = folder.parent.parent / TOKENIZER_FILE
    try:
        special = special_tokens(tokenizer.read_text("utf-8"), state.data)
    except OSError as error:
        raise InputError(f"{tokenizer}: cannot be read ({error.strerror})") from error

    def logits(ids_BT: Tensor) -> Tensor:
        positions_BT = torch.arange(ids_BT.shape[1], device=device).expand_as(ids_BT)
        hidden_BTD = llama(ids_BT, positions_BT, torch.empty(0, dtype=torch.int32))
        return F.linear(hidden_BTD, llama.output_weight.to(hidden_BTD.dtype))

    begin = special["bos"] or special["eos"]
    return Judge(logits, config.context_tokens, begin[1] if begin else None, tokenizer, device)


def _hugging_face(model: str, device: torch.device) -> Judge:
    from transformers import AutoModelForCausalLM
    from transformers.utils import cached_file

    is_cuda = device.type == "cuda"
    try:
        net: Any = AutoModelForCausalLM.from_pretrained(
            model, dtype=torch.bfloat16 if is_cuda else torch.float32, trust_remote_code=False,
            use_safetensors=True,
        )  # fmt: skip
        tokenizer = cached_file(model, "tokenizer.json")
    except (OSError, ValueError) as error:
        told = str(error).splitlines()[0]
        raise InputError(f"{model}: is no run, and transformers cannot load it ({told})") from error
    net.to(device).eval()
    config = net.config
    begin = config.bos_token_id if config.bos_token_id is not None else config.eos_token_id
    if isinstance(begin, list):
        begin = begin[0]
    context = getattr(config, "max_position_embeddings", None) or 2048

    def logits(ids_BT: Tensor) -> Tensor:
        found: Tensor = net(ids_BT, use_cache=False).logits
        return found

    return Judge(logits, int(context), begin, Path(str(tokenizer)), device)
