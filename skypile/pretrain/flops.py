"""Floating-point operations of training per token, and their share of a card's peak (MFU).

A weight used in a matrix product costs 6 per token: 2 forward, 4 backward. The input embedding is
a look-up and costs none. Attention costs 12 per layer, head element and pair of a token and one
that it reads. What a pair is, makes the conventions differ:

* `attended`: the pairs that the documents' borders leave, Σ length² / 2 (the work that was needed);
* `causal`: T / 2 pairs per token, as if every row were one document (the headline);
* `full`: T pairs per token, as PaLM (arXiv 2204.02311, appendix B) and Skywork count;
* `matmul`: none.

Recomputation never counts, and padding is no token.
"""

from __future__ import annotations

from typing import Final, Literal

from skypile.pretrain.config import ModelConfig

__all__ = [
    "CONVENTIONS",
    "PEAK_FLOPS",
    "Convention",
    "flops_per_token",
    "matmul_weight_count",
    "mfu",
    "weight_count",
]

Convention = Literal["matmul", "attended", "causal", "full"]
CONVENTIONS: Final[tuple[Convention, ...]] = ("matmul", "attended", "causal", "full")
# Dense bfloat16 of H100 SXM and H200 by NVIDIA's data sheets; the 1,979 of these is with sparsity.
PEAK_FLOPS: Final = 989e12


def matmul_weight_count(config: ModelConfig) -> int:
    """Return how many weights take part in matrix products: no norms, no input embedding.

    The output projection counts, whether or not it is the embedding's own weight.
    """
    query_width = config.head_count * config.head_width
    kv_width = config.kv_head_count * config.head_width
    attention = config.width * (2 * query_width + 2 * kv_width)
    feed_forward = 3 * config.width * config.ff_width
    return config.layer_count * (attention + feed_forward) + config.width * config.vocabulary_count


def weight_count(config: ModelConfig) -> int:
    """Return how many weights the model has; tied embeddings count once."""
    embedding = 0 if config.tied_embeddings else config.width * config.vocabulary_count
    norms = config.width * (2 * config.layer_count + 1)
    return matmul_weight_count(config) + embedding + norms


def flops_per_token(
    config: ModelConfig, convention: Convention, *, row_tokens: int, pairs_per_token: float
) -> float:
    """Return the operations of one training step per token, by one convention.

    `pairs_per_token` is Σ length² / 2 over the documents' parts in a row, per token.
    """
    pairs = {
        "matmul": 0.0,
        "attended": pairs_per_token,
        "causal": row_tokens / 2,
        "full": float(row_tokens),
    }[convention]
    per_pair = 12 * config.layer_count * config.head_count * config.head_width
    return 6.0 * matmul_weight_count(config) + per_pair * pairs


def mfu(tokens_per_second: float, flops: float, *, peak: float = PEAK_FLOPS) -> float:
    """Return the share (0..1) of `peak` that a rate of tokens with `flops` each amounts to."""
    return tokens_per_second * flops / peak
