"""Operations per token against a case counted by hand."""

from __future__ import annotations

import pytest

from skypile.pretrain.config import SHAPES, ModelConfig
from skypile.pretrain.flops import flops_per_token, matmul_weight_count, mfu, weight_count

TINY = ModelConfig(
    vocabulary_count=100,
    width=8,
    layer_count=2,
    ff_width=20,
    head_count=4,
    kv_head_count=2,
    head_width=4,
)


def test_weights():
    # Per layer: q 8x16, k and v 8x8 each, o 16x8, gate, up and down 8x20 each; logits 8x100.
    per_layer = 128 + 64 + 64 + 128 + 3 * 160
    assert matmul_weight_count(TINY) == 2 * per_layer + 800 == 2528
    assert weight_count(TINY) == 2528 + 800 + 5 * 8
    assert weight_count(TINY.model_copy(update={"tied_embeddings": True})) == 2528 + 5 * 8


@pytest.mark.parametrize(
    ("convention", "pairs"), [("matmul", 0), ("attended", 3), ("causal", 16), ("full", 32)]
)
def test_operations_per_token(convention, pairs):
    # Forward, per pair, head and layer: 4 products for the score and 4 for the sum, 2 each.
    forward = 2 * 2528 + 2 * 4 * (2 * 4 + 2 * 4) * pairs
    found = flops_per_token(TINY, convention, row_tokens=32, pairs_per_token=3.0)
    assert found == 3 * forward


def test_share_of_the_peak():
    assert mfu(50_000, 9.89e9) == pytest.approx(0.5)


def test_the_goal_in_tokens_per_second():
    flops = flops_per_token(SHAPES["1b-wide"], "causal", row_tokens=2048, pairs_per_token=0)
    assert 0.6 * 989e12 / flops == pytest.approx(77_800, rel=0.01)
