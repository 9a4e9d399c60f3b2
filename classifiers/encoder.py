"""The encoder of the warm-up: its shape, its predictions of hidden tokens, and its checkpoint.

Shape suffixes: B rows of a batch, T positions, D hidden units, K slots for masked positions, S all
slots of a batch.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from transformers import BertConfig, BertForMaskedLM, ElectraConfig, ElectraForMaskedLM
from transformers.utils import logging as transformers_logging

from classifiers import ClassifierError

__all__ = ["SHAPES", "Architecture", "Shape", "new_encoder", "predictions", "save"]

Architecture = Literal["electra", "bert"]


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of an encoder; `embedding` is below `hidden` where the embedding is factorised."""

    layers: int
    hidden: int
    embedding: int
    heads: int
    feedforward: int
    positions: int = 512

    def __post_init__(self) -> None:
        for name, size in asdict(self).items():
            if size < 1:
                raise ClassifierError(f"--{name} {size}: must be at least 1")
        if self.hidden % self.heads:
            raise ClassifierError(
                f"--hidden {self.hidden}: must be a multiple of --heads {self.heads}"
            )
        if self.positions < 16:
            raise ClassifierError(f"--positions {self.positions}: must be at least 16")


SHAPES: Final = {
    # 7.0 million parameters with 16,384 entries: 14 MB in fp16.
    "small": Shape(layers=6, hidden=256, embedding=128, heads=4, feedforward=1024),
    "tiny": Shape(layers=2, hidden=64, embedding=32, heads=2, feedforward=128, positions=64),
}


def new_encoder(
    architecture: Architecture,
    shape: Shape,
    *,
    vocabulary_size: int,
    pad_id: int,
    dropout: float,
) -> torch.nn.Module:
    """Return an untrained masked language model: ELECTRA's generator, or plain BERT.

    ELECTRA (Clark et al. 2020) is BERT with an embedding narrower than the trunk; its output layer
    shares the embedding's weights. With BERT, `embedding` must equal `hidden`.
    """
    options = {
        "vocab_size": vocabulary_size,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.feedforward,
        "max_position_embeddings": shape.positions,
        "pad_token_id": pad_id,
        "hidden_dropout_prob": dropout,
        # Dropout inside attention would slow SDPA down several times.
        "attention_probs_dropout_prob": 0.0,
    }
    model: torch.nn.Module
    if architecture == "electra":
        model = ElectraForMaskedLM(ElectraConfig(embedding_size=shape.embedding, **options))
    elif shape.embedding != shape.hidden:
        raise ClassifierError(
            f"--embedding {shape.embedding}: BERT's embedding is as wide as --hidden "
            f"{shape.hidden}; give that, or --architecture electra"
        )
    else:
        model = BertForMaskedLM(BertConfig(**options))
    return model


def predictions(model: Any, inputs: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Return logits (S, vocabulary) for `inputs` (B, T) at the positions `at` (B, K) only.

    The rows must be full: every token attends to every other, without a mask, which leaves SDPA
    its fast kernels. Of other architectures than BERT and ELECTRA all logits are computed.
    """
    trunk = model.base_model
    index_BK1 = at.unsqueeze(-1)
    if model.config.model_type not in {"bert", "electra"}:
        logits_BTV = model(input_ids=inputs).logits
        found: torch.Tensor = logits_BTV.gather(1, index_BK1.expand(-1, -1, logits_BTV.shape[-1]))
        return found.flatten(0, 1)
    # One row of token types for all: its gradient would else be summed over B * T equal indices.
    hidden_BTD = trunk.embeddings(input_ids=inputs, token_type_ids=torch.zeros_like(inputs[:1]))
    if hasattr(trunk, "embeddings_project"):
        hidden_BTD = trunk.embeddings_project(hidden_BTD)
    # Not trunk(...): before transformers 5.23 that makes a mask of ones when it is compiled.
    hidden_BTD = trunk.encoder(hidden_BTD, attention_mask=None).last_hidden_state
    chosen_SD = hidden_BTD.gather(1, index_BK1.expand(-1, -1, hidden_BTD.shape[-1])).flatten(0, 1)
    logits: torch.Tensor
    if isinstance(model, ElectraForMaskedLM):
        logits = model.generator_lm_head(model.generator_predictions(chosen_SD))
    else:
        logits = model.cls(chosen_SD)
    return logits


def save(model: Any, tokenizer_folder: Path, card: str, folder: Path) -> None:
    """Write model.safetensors (fp16), config.json, the tokenizer and README.md into `folder`.

    Each is written beside its name and then renamed, the weights last, so that a run cut off here
    leaves the files of the checkpoint before.
    """
    transformers_logging.disable_progress_bar()
    beside = folder / ".part"
    beside.mkdir(parents=True, exist_ok=True)
    half = type(model)(model.config)
    half.load_state_dict(model.state_dict())
    half.half().save_pretrained(beside)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer_folder / name, beside / name)
    (beside / "README.md").write_text(card, encoding="utf-8", newline="\n")
    for name in (
        "tokenizer.json", "tokenizer_config.json", "config.json", "README.md", "model.safetensors",
    ):  # fmt: skip
        (beside / name).chmod(0o644)  # safetensors writes files that only their owner can read
        (beside / name).replace(folder / name)
    shutil.rmtree(beside)
