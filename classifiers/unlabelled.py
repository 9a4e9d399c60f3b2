"""A few steps of masked language modelling on unlabelled text before a checkpoint is fine-tuned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForMaskedLM
from transformers.utils import logging as transformers_logging

from classifiers import ClassifierError
from classifiers.encoder import Shape
from classifiers.finetune import Encode, Settings, Told, Tuning
from classifiers.masking import Vocabulary, vocabulary
from classifiers.pretraining import HeldOut, Warmup, rate_frac
from classifiers.pretraining import Settings as WarmupSettings
from classifiers.rows import Corpus, is_held_out, packed

__all__ = ["warm_up"]

_MASKED_FRAC: Final = 0.3  # as classifiers.warmup has it
# Logits of a whole batch, where an architecture gives no others: 256 MB of bf16.
_BATCH_LOGITS: Final = 1 << 27


def _mask_token(folder: Path) -> str:
    path = folder / "tokenizer_config.json"
    try:
        token = json.loads(path.read_text("utf-8")).get("mask_token")
    except (OSError, ValueError):
        token = None
    if isinstance(token, dict):
        token = token.get("content")
    if not isinstance(token, str):
        raise ClassifierError(
            f"{path}: names no mask_token, which --mlm needs; leave --mlm out, or take another base"
        )
    return token


def _known(tokenizer: Tokenizer, mask_token: str, device: torch.device) -> Vocabulary:
    """Return what masking must know: whole words of byte-level BPE and WordPiece, else tokens."""
    if "ByteLevel" in json.dumps(json.loads(tokenizer.to_str()).get("pre_tokenizer")):
        return vocabulary(tokenizer, mask_token, device)
    mask_id = tokenizer.token_to_id(mask_token)
    if mask_id is None:
        raise ClassifierError(f"tokenizer: has no token {mask_token!r}, which --mlm needs")
    added = tokenizer.get_added_tokens_decoder()
    entries = tokenizer.get_vocab(with_added_tokens=True)
    table = torch.zeros((2, max(entries.values()) + 1), dtype=torch.bool)
    for token, at in entries.items():
        table[0, at] = at in added and added[at].special
        table[1, at] = token.startswith("##")
    table[0, mask_id] = True
    table = table.to(device)
    none = torch.zeros_like(table[0])
    ordinary = torch.nonzero(~table[0]).flatten()
    return Vocabulary(mask_id, ordinary, table[0], table[1], none, none)


def _corpus(tuning: Tuning, texts: Sequence[str], encode: Encode, seed: int) -> Corpus:
    frame = tuning.frame
    if (len(frame.prefix), len(frame.suffix)) != (1, 1):
        raise ClassifierError(
            f"{tuning.tokenizer_path}: --mlm needs one token before and one after a text, as BERT "
            "and RoBERTa have"
        )
    found = encode(tuning.tokenizer_path, texts)
    parts = [found.of(row).astype(np.int32) for row in range(len(texts))]
    is_out = [is_held_out(text) for text in texts]
    order = np.random.default_rng((seed, 1)).permutation(len(texts)).tolist()
    ends = (frame.prefix[0], frame.suffix[0])
    width = tuning.max_tokens
    train_NT = packed([parts[row] for row in order if not is_out[row]], *ends, width)
    held_NT = packed([parts[row] for row in range(len(texts)) if is_out[row]], *ends, width)
    if not len(train_NT):
        raise ClassifierError(
            f"--mlm: {len(texts)} documents hold less than one row of {width} tokens; give more"
        )
    return Corpus(train_NT, {"held out": held_NT} if len(held_NT) else {}, {})


def _shape(config: Any, width: int) -> Shape:
    hidden = int(config.hidden_size)
    return Shape(
        layers=int(config.num_hidden_layers),
        hidden=hidden,
        embedding=int(getattr(config, "embedding_size", hidden)),
        heads=int(config.num_attention_heads),
        feedforward=int(getattr(config, "intermediate_size", 4 * hidden)),
        positions=width,
    )


def _language_model(folder: Path) -> Any:
    transformers_logging.disable_progress_bar()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        return AutoModelForMaskedLM.from_pretrained(
            folder, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ClassifierError(f"{folder}: --mlm: is no masked language model: {error}") from error
    finally:
        transformers_logging.set_verbosity(verbosity)


def warm_up(
    tuning: Tuning, texts: Sequence[str], settings: Settings, encode: Encode, told: Told
) -> dict[str, Any]:
    """Train the encoder to predict hidden tokens of texts; return what the card tells of it.

    The layers below the outputs are then those of the language model. Texts are laid end to end in
    full rows; 0.5 % of them, by their hashes, are held out.
    """
    rows = _corpus(tuning, texts, encode, settings.seed)
    model = _language_model(tuning.folder).to(tuning.device)
    width = tuning.max_tokens
    budget = max(width, min(settings.batch_tokens, _BATCH_LOGITS // int(model.config.vocab_size)))
    tokenizer = Tokenizer.from_file(str(tuning.tokenizer_path))
    known = _known(tokenizer, _mask_token(tuning.folder), tuning.device)
    run = Warmup(
        model,
        rows,
        known,
        WarmupSettings(
            architecture="bert", shape=_shape(model.config, width), seed=settings.seed,
            rate=tuning.rate, masked_frac=_MASKED_FRAC, dropout=0.0, batch_tokens=budget,
            minutes=None, steps=settings.mlm_steps, checkpoint_seconds=0.0, is_compiled=False,
        ),
    )  # fmt: skip
    before = run.held_out()
    losses = _losses(run, settings.mlm_steps)
    told.line(f"masked language model: loss {losses[0]:.4f} at first, {losses[-1]:.4f} at last")
    tuning.model.base_model.load_state_dict(model.base_model.state_dict(), strict=False)
    return {
        "steps": run.step_count,
        "tokens": run.tokens_seen,
        "documents": len(texts),
        "first_loss": round(losses[0], 4),
        "last_loss": round(losses[-1], 4),
        "held_out_before": _told(before),
        "held_out_after": _told(run.held_out()),
    }


def _losses(run: Warmup, steps: int) -> list[float]:
    """Take the steps; return the loss of each."""
    run.model.train()
    losses = []
    for number in range(steps):
        # The first step is not at rate 0, as that of a run which waits for a compiler is.
        loss = float(run.step(rate_frac((number + 1) / (steps + 1))))
        if not np.isfinite(loss):
            raise ClassifierError(f"--mlm: step {number + 1}: the loss is {loss}; lower --lr")
        losses.append(loss)
    return losses


def _told(found: dict[str, HeldOut]) -> dict[str, float] | None:
    one = found.get("held out")
    return None if one is None else {"loss": round(one.loss, 4), "tokens": one.tokens}
