"""The shape of a model and how it is computed, and the shapes that have a name.

Shape A of the notes on speed is `1b-wide`: wide and shallow, because wide matrix products run
nearer to a card's peak; `1b` is deep and narrow with an inner width of 8/3, as Skywork-13B is
(arXiv 2310.19341). Widths and vocabularies are multiples of 128, 256 where it can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["SHAPES", "AttentionKind", "CompileScope", "ExecutionConfig", "LossKind", "ModelConfig"]

AttentionKind = Literal["varlen", "causal", "dense"]
CompileScope = Literal["none", "blocks", "model"]
LossKind = Literal["chunked", "full"]


class ModelConfig(BaseModel):
    """The shape of one LLaMA: everything that decides its parameters and its function."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vocabulary_count: int = Field(ge=2)
    width: int = Field(ge=1)
    layer_count: int = Field(ge=1)
    ff_width: int = Field(ge=1)
    head_count: int = Field(ge=1)
    kv_head_count: int = Field(ge=1)
    head_width: int = Field(ge=2, multiple_of=2)
    context_tokens: int = Field(default=4096, ge=1)
    rope_theta: float = Field(default=10_000.0, gt=0)
    norm_epsilon: float = Field(default=1e-5, gt=0)
    tied_embeddings: bool = False

    @model_validator(mode="after")
    def _heads_are_shared_evenly(self) -> Self:
        if self.head_count % self.kv_head_count:
            raise ValueError(
                f"head_count {self.head_count} is no multiple of kv_head_count "
                f"{self.kv_head_count}: each key head serves a whole number of query heads"
            )
        return self


class ExecutionConfig(BaseModel):
    """How a model is computed: it decides speed and the last bits, never the function.

    `attention`: varlen (CUDA, documents apart), causal (each row is one document) or dense
    (documents apart by a mask of T x T, for CPU). `is_fused`: one matrix product for q, k and v,
    one for gate and up. `compiled`: nothing, each block by itself, or the model in one graph.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attention: AttentionKind = "varlen"
    is_fused: bool = True
    compiled: CompileScope = "model"
    loss: LossKind = "chunked"
    loss_chunk_tokens: int = Field(default=8192, ge=1)


SHAPES: Final[Mapping[str, ModelConfig]] = {
    "tiny": ModelConfig(
        vocabulary_count=16_384,
        width=128,
        layer_count=4,
        ff_width=384,
        head_count=2,
        kv_head_count=2,
        head_width=64,
        context_tokens=512,
        tied_embeddings=True,
    ),
    "125m": ModelConfig(
        vocabulary_count=49_152,
        width=768,
        layer_count=12,
        ff_width=2048,
        head_count=6,
        kv_head_count=6,
        head_width=128,
        tied_embeddings=True,
    ),
    "1b": ModelConfig(
        vocabulary_count=65_536,
        width=1792,
        layer_count=24,
        ff_width=4864,
        head_count=14,
        kv_head_count=14,
        head_width=128,
    ),
    "1b-wide": ModelConfig(
        vocabulary_count=65_536,
        width=2560,
        layer_count=10,
        ff_width=10_240,
        head_count=20,
        kv_head_count=20,
        head_width=128,
    ),
}
