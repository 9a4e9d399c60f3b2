"""The model is Hugging Face's LLaMA, and packed documents do not see each other."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from skypile.pretrain.config import SHAPES, AttentionKind, ModelConfig
from skypile.pretrain.flops import matmul_weight_count, weight_count
from skypile.pretrain.model import Llama

FLOAT = torch.float32


def new_model(config: ModelConfig, kind: AttentionKind = "dense", **options: bool) -> Llama:
    model = Llama(config, attention=kind, dtype=FLOAT, **options)
    model.initialise(0)
    return model


def logits_of(model: Llama, ids: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    """The logits of one row that holds documents of these lengths."""
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    borders = torch.tensor([0, *lengths]).cumsum(0)
    slots = torch.full((8,), ids.shape[1])
    slots[: len(borders)] = borders
    with torch.no_grad():
        return model(ids, positions, slots.int()) @ model.output_weight.T


@pytest.fixture
def ids(small: ModelConfig) -> torch.Tensor:
    return torch.randint(0, 320, (1, 40), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", ["dense", "causal"])
@pytest.mark.parametrize("is_fused", [False, True])
@pytest.mark.parametrize("changes", [{}, {"kv_head_count": 2}, {"tied_embeddings": True}])
def test_logits_are_those_of_transformers(small, ids, kind, is_fused, changes):
    config = small.model_copy(update=changes)
    ours = new_model(config, kind, is_fused=is_fused)
    theirs = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config.vocabulary_count,
            hidden_size=config.width,
            intermediate_size=config.ff_width,
            num_hidden_layers=config.layer_count,
            num_attention_heads=config.head_count,
            num_key_value_heads=config.kv_head_count,
            head_dim=config.head_width,
            rms_norm_eps=config.norm_epsilon,
            max_position_embeddings=config.context_tokens,
            tie_word_embeddings=config.tied_embeddings,
        )
    ).eval()
    found = theirs.load_state_dict(ours.state_dict(), strict=False)
    assert found.unexpected_keys == []
    assert found.missing_keys == (["lm_head.weight"] if config.tied_embeddings else [])
    theirs.tie_weights()
    with torch.no_grad():
        expected = theirs(input_ids=ids).logits
    assert (logits_of(ours, ids, [40]) - expected).abs().max() <= 1e-5


def test_packed_documents_are_as_if_alone(small, ids):
    lengths = [7, 20, 1, 12]
    model = new_model(small)
    packed = logits_of(model, ids, lengths)
    parts = ids.split(lengths, dim=1)
    alone = torch.cat([logits_of(model, part, [part.shape[1]]) for part in parts], dim=1)
    assert (packed - alone).abs().max() <= 1e-5
    # Without borders the later documents do see the earlier ones: the comparison can fail.
    whole_rows = new_model(small, "causal")
    assert (logits_of(whole_rows, ids, lengths) - alone).abs().max() > 1e-2


def test_a_document_that_fills_the_row_is_plain_causal_attention(small, ids):
    dense, causal = new_model(small, "dense"), new_model(small, "causal")
    assert (logits_of(dense, ids, [40]) - logits_of(causal, ids, [40])).abs().max() <= 1e-5


@pytest.mark.parametrize("name", SHAPES)
def test_weights_are_as_many_as_counted(name):
    with torch.device("meta"):
        model = Llama(SHAPES[name], attention="causal", dtype=FLOAT)
    assert sum(weight.numel() for weight in model.parameters()) == weight_count(SHAPES[name])


def test_the_wide_shape_has_1_2_billion_weights_in_matrix_products():
    assert matmul_weight_count(SHAPES["1b-wide"]) == 1_216_348_160


def test_initialising_is_a_function_of_the_seed(small):
    one, two, other = new_model(small), new_model(small), new_model(small)
    other.initialise(1)
    assert torch.equal(one.output_weight, two.output_weight)
    assert not torch.equal(one.output_weight, other.output_weight)


def test_heads_that_cannot_be_shared_evenly_are_refused(small):
    with pytest.raises(ValueError, match="head_count 4 is no multiple of kv_head_count 3"):
        ModelConfig(**{**small.model_dump(), "kv_head_count": 3})


@pytest.mark.parametrize("is_fused", [False, True])
def test_varlen_attention_has_the_shapes_of_its_kernel(small, is_fused):
    """Without a card: on the meta device, forward and backward."""
    with torch.device("meta"):
        model = Llama(small, attention="varlen", dtype=torch.bfloat16, is_fused=is_fused)
        ids, slots = torch.zeros(3, 40, dtype=torch.int64), torch.zeros(9, dtype=torch.int32)
    hidden = model(ids, ids, slots)
    hidden.float().sum().backward()
    assert (hidden.shape, hidden.dtype) == ((3, 40, 48), torch.bfloat16)
    assert all(
        weight.grad.dtype == torch.float32
        for weight in model.parameters()
        if weight.grad is not None
    )
