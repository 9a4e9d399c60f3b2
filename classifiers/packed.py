"""BERT and its kin on windows laid end to end: no padding, fused projections, one static shape.

Hugging Face's own modules take a rectangle of ids. On web documents a third of it is padding, and
their separate query, key and value products leave a GPU waiting. The same weights are laid out here
for variable-length attention (FlashAttention-2's kernel, in torch from 2.10 on). Shape suffixes: N
token slots, W windows (padded to a fixed count), H heads, K channels of a head, D hidden, L labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import nn
from torch.nn.functional import embedding, layer_norm, linear, scaled_dot_product_attention
from transformers.activations import ACT2FN

varlen_attn: Any
try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # torch before 2.10
    varlen_attn = None

__all__ = ["PackedEncoder", "has_variable_length_attention", "is_packable"]

_FAMILIES: Final = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "electra"})
# Their positions start behind the padding id, as fairseq numbered them.
_OFFSET_FAMILIES: Final = frozenset({"roberta", "xlm-roberta", "camembert"})

_Parameter = nn.Parameter


def has_variable_length_attention(device: torch.device) -> bool:
    """Say whether torch has the kernel for this device: Ampere and later, in 16 bits."""
    if device.type != "cuda" or varlen_attn is None:
        return False
    return torch.cuda.get_device_capability(device)[0] >= 8


def is_packable(config: Any) -> bool:
    """Say whether a checkpoint's architecture is one that PackedEncoder computes.

    BERT, RoBERTa, XLM-RoBERTa, CamemBERT and ELECTRA encoders with absolute positions.
    """
    return (
        config.model_type in _FAMILIES
        and getattr(config, "position_embedding_type", "absolute") in {"absolute", None}
        and not getattr(config, "is_decoder", False)
    )


def _rectangle(part_NHK: torch.Tensor, lengths_W: torch.Tensor, width: int) -> torch.Tensor:
    """Return windows laid end to end as a rectangle (W, H, T, K), zeros behind the shorter."""
    count, tail = len(lengths_W), part_NHK.shape[1:]
    used = int(lengths_W.sum())
    if used == count * width:  # sorted by length, most packs are of one: nothing is moved
        return part_NHK[:used].view(count, width, *tail).transpose(1, 2)
    rectangle = part_NHK.new_zeros((count, width, *tail))
    rectangle[_filled(lengths_W, width)] = part_NHK[:used]
    return rectangle.transpose(1, 2)


def _filled(lengths_W: torch.Tensor, width: int) -> torch.Tensor:
    """Say of each place of a rectangle whether it holds a token (W, T)."""
    return torch.arange(width, device=lengths_W.device) < lengths_W[:, None]


def _attend(
    query_WHTK: torch.Tensor,
    key_NHK: torch.Tensor,
    value_NHK: torch.Tensor,
    lengths_W: torch.Tensor,
    width: int,
) -> torch.Tensor:
    """Return attention of a rectangle of queries to their own windows' keys, in its shape."""
    key_WHTK, value_WHTK = (
        _rectangle(part_NHK, lengths_W, width) for part_NHK in (key_NHK, value_NHK)
    )
    mask_WT = _filled(lengths_W, width)
    # A window of no tokens would attend to nothing, which is NaN.
    mask_WT[:, 0] = True
    mask = None if bool(mask_WT.all()) else mask_WT[:, None, None, :]
    return scaled_dot_product_attention(query_WHTK, key_WHTK, value_WHTK, attn_mask=mask)


def _attend_dense(
    query_NHK: torch.Tensor,
    key_NHK: torch.Tensor,
    value_NHK: torch.Tensor,
    borders: torch.Tensor,
) -> torch.Tensor:
    """Return attention within windows by a rectangle of them, where there is no better kernel."""
    lengths_W = borders.diff().long()
    width = int(lengths_W.max())
    query_WHTK = _rectangle(query_NHK, lengths_W, width)
    attended = _attend(query_WHTK, key_NHK, value_NHK, lengths_W, width).transpose(1, 2)
    used = int(borders[-1])
    if used == len(lengths_W) * width == len(query_NHK):
        return attended.reshape(query_NHK.shape)
    result = torch.zeros_like(query_NHK)
    result[:used] = attended[_filled(lengths_W, width)]
    return result


def _attend_first(
    query_WHK: torch.Tensor,
    key_NHK: torch.Tensor,
    value_NHK: torch.Tensor,
    borders: torch.Tensor,
) -> torch.Tensor:
    """Return attention of one query for each window to the window's keys."""
    lengths_W = borders.diff().long()
    width = int(lengths_W.max())
    return _attend(query_WHK[:, :, None], key_NHK, value_NHK, lengths_W, width)[:, :, 0]


class _Layer(nn.Module):
    """One post-norm encoder layer, its query, key and value weights in one matrix."""

    def __init__(self, layer: Any, heads: int, activation: Callable[..., Any], eps: float) -> None:
        super().__init__()
        own = layer.attention.self
        projections = (own.query, own.key, own.value)
        self.heads = heads
        self.activation = activation
        self.eps = eps
        self.qkv_weight = _Parameter(torch.cat([one.weight for one in projections]))
        self.qkv_bias = _Parameter(torch.cat([one.bias for one in projections]))
        self.out = layer.attention.output.dense
        self.norm = layer.attention.output.LayerNorm
        self.up = layer.intermediate.dense
        self.down = layer.output.dense
        self.last_norm = layer.output.LayerNorm

    def forward(
        self, hidden_ND: torch.Tensor, borders: torch.Tensor, longest: int, *, dense: bool
    ) -> torch.Tensor:
        """Return all tokens' hidden states behind this layer."""
        count, width = hidden_ND.shape
        qkv = linear(hidden_ND, self.qkv_weight, self.qkv_bias)
        query, key, value = qkv.view(count, 3, self.heads, width // self.heads).unbind(1)
        if dense:
            attended = _attend_dense(query, key, value, borders)
        else:
            attended = varlen_attn(query, key, value, borders, borders, longest, longest)
        return self._after(hidden_ND, attended.reshape(count, width))

    def first_tokens(
        self, hidden_ND: torch.Tensor, borders: torch.Tensor, longest: int, *, dense: bool
    ) -> torch.Tensor:
        """Return the hidden states of the windows' first tokens (W, D) alone.

        Behind the last layer nothing else is looked at: the queries, the feed-forward part and
        the output product of all other tokens need not be computed, 5/6 of the layer.
        """
        count, width = hidden_ND.shape
        # The first token of a window that is not there may lie behind the last slot.
        first_WD = hidden_ND.index_select(0, borders[:-1].clamp(max=count - 1))
        shape = (-1, self.heads, width // self.heads)
        query = linear(first_WD, self.qkv_weight[:width], self.qkv_bias[:width]).view(shape)
        keys_values = linear(hidden_ND, self.qkv_weight[width:], self.qkv_bias[width:])
        key, value = keys_values.view(count, 2, *shape[1:]).unbind(1)
        if dense:
            attended = _attend_first(query, key, value, borders)
        else:
            own = torch.arange(len(borders), dtype=torch.int32, device=borders.device)
            attended = varlen_attn(query, key, value, own, borders, 1, longest)
        return self._after(first_WD, attended.reshape(-1, width))

    def _after(self, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        hidden = self._norm(self.norm, hidden + self.out(attended))
        return self._norm(self.last_norm, hidden + self.down(self.activation(self.up(hidden))))

    def _norm(self, norm: Any, hidden_ND: torch.Tensor) -> torch.Tensor:
        return layer_norm(hidden_ND, hidden_ND.shape[-1:], norm.weight, norm.bias, self.eps)


class PackedEncoder(nn.Module):
    """A sequence classifier's weights, computed on packs of windows.

    `model` is a transformers …ForSequenceClassification whose configuration `is_packable`; its
    weights are shared, but for query, key and value, which are laid side by side. Equal to the
    model's own forward to 1e-4 in fp32 and 2e-2 in bf16 (tests/classifiers/test_packed.py, and on
    CUDA benchmarks/score_gpu.py).
    """

    def __init__(self, model: Any, *, dense_attention: bool | None = None) -> None:
        super().__init__()
        config = model.config
        assert is_packable(config)
        trunk = getattr(model, model.base_model_prefix)
        device = next(model.parameters()).device
        self.dense = (
            not has_variable_length_attention(device)
            if dense_attention is None
            else dense_attention
        )
        self.eps = float(config.layer_norm_eps)
        embeddings = trunk.embeddings
        self.words = embeddings.word_embeddings
        # A window is one segment, so the type's vector may be added to every position's once.
        first = int(config.pad_token_id) + 1 if config.model_type in _OFFSET_FAMILIES else 0
        table = embeddings.position_embeddings.weight[first:]
        types = embeddings.token_type_embeddings.weight
        self.positions = _Parameter((table.float() + types[0].float()).to(table.dtype))
        self.norm = embeddings.LayerNorm
        self.widen = getattr(trunk, "embeddings_project", None)
        activation = ACT2FN[config.hidden_act]
        self.layers = nn.ModuleList(
            _Layer(layer, int(config.num_attention_heads), activation, self.eps)
            for layer in trunk.encoder.layer
        )
        self.dense_head, self.head_activation, self.last = _head(model, trunk, config)

    def forward(
        self,
        ids_N: torch.Tensor,
        positions_N: torch.Tensor,
        borders: torch.Tensor,
        longest: int,
    ) -> torch.Tensor:
        """Return the windows' logits (W, L), in the weights' dtype; rows past the last are noise.

        All int32: ids and positions (N,), borders (W + 1,) as in `classifiers.windows.Pack`.
        `longest` is a constant bound of the windows' lengths.
        """
        hidden_ND = self.words(ids_N) + embedding(positions_N, self.positions)
        hidden_ND = layer_norm(
            hidden_ND, hidden_ND.shape[-1:], self.norm.weight, self.norm.bias, self.eps
        )
        if self.widen is not None:
            hidden_ND = self.widen(hidden_ND)
        for layer in self.layers[:-1]:
            hidden_ND = layer(hidden_ND, borders, longest, dense=self.dense)
        last_layer: Any = self.layers[-1]
        first_WD = last_layer.first_tokens(hidden_ND, borders, longest, dense=self.dense)
        logits: torch.Tensor = self.last(self.head_activation(self.dense_head(first_WD)))
        return logits


def _head(model: Any, trunk: Any, config: Any) -> tuple[nn.Module, Callable[..., Any], nn.Module]:
    """Return the dense layer, activation and output layer behind a window's first token."""
    if config.model_type == "bert":
        return trunk.pooler.dense, torch.tanh, model.classifier
    # ELECTRA's head takes gelu whatever hidden_act says, RoBERTa's tanh.
    activation = ACT2FN["gelu"] if config.model_type == "electra" else torch.tanh
    return model.classifier.dense, activation, model.classifier.out_proj
