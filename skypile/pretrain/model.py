"""LLaMA with the parameter names of Hugging Face's LlamaForCausalLM.

Saving the state dict is the whole export. Weights are float32; activations have the model's
compute dtype, and each Linear casts its weight to that of its input: explicit, equal on CPU and
CUDA, and fused away by the compiler where autocast would hide a cache of casts. Positions come
with the batch, because each packed document starts at 0.

Shape suffixes: B rows, T positions, D width, H query heads, K key and value heads, E width of a
head, F inner width, V vocabulary, S document slots + 1.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from skypile.pretrain.attention import attend, document_mask
from skypile.pretrain.config import AttentionKind, ModelConfig

__all__ = ["Llama"]

Tensor = torch.Tensor

_INITIAL_DEVIATION = 0.02


class Linear(nn.Linear):
    """A bias-free linear map whose weight takes the dtype of its input."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__(in_width, out_width, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the parent's parameter name
        """Return input @ weight.T in the input's dtype."""
        return F.linear(input, self.weight.to(input.dtype))


def fused_linear(input_BTD: Tensor, *layers: Linear) -> tuple[Tensor, ...]:
    """Return the layers' outputs by one matrix product.

    Joining the weights costs nothing that casting them does not cost, and the parameters keep
    their names.
    """
    weight = torch.cat([layer.weight.to(input_BTD.dtype) for layer in layers])
    widths = [layer.out_features for layer in layers]
    return torch.split(F.linear(input_BTD, weight), widths, dim=-1)


class RMSNorm(nn.Module):
    """Division by the root mean square, in float32, then a gain (Zhang and Sennrich 2019)."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, hidden_BTD: Tensor) -> Tensor:
        """Return the normed input in its own dtype."""
        wide_BTD = hidden_BTD.float()
        scale_BT1 = torch.rsqrt(wide_BTD.square().mean(-1, keepdim=True) + self.epsilon)
        return self.weight.to(hidden_BTD.dtype) * (wide_BTD * scale_BT1).to(hidden_BTD.dtype)


def rotated(x_BTHE: Tensor, cos_BT1e: Tensor, sin_BT1e: Tensor) -> Tensor:
    """Return x with element i of each half turned against i of the other (e = E / 2), float32 math.

    This half-split order is Hugging Face's; the paper (Su et al. 2021) turns neighbours.
    """
    left, right = x_BTHE.float().chunk(2, dim=-1)
    turned = (left * cos_BT1e - right * sin_BT1e, right * cos_BT1e + left * sin_BT1e)
    return torch.cat(turned, dim=-1).to(x_BTHE.dtype)


class Attention(nn.Module):
    """Multi-head attention, grouped if there are fewer key heads, with rotary positions."""

    def __init__(self, config: ModelConfig, *, kind: AttentionKind, is_fused: bool) -> None:
        super().__init__()
        self.kind: AttentionKind = kind
        self.is_fused = is_fused
        self.head_width = config.head_width
        query_width = config.head_count * config.head_width
        kv_width = config.kv_head_count * config.head_width
        self.q_proj = Linear(config.width, query_width)
        self.k_proj = Linear(config.width, kv_width)
        self.v_proj = Linear(config.width, kv_width)
        self.o_proj = Linear(query_width, config.width)

    def forward(
        self,
        hidden_BTD: Tensor,
        rotation: tuple[Tensor, Tensor],
        cu_seqlens_S: Tensor,
        mask_B1TT: Tensor | None,
    ) -> Tensor:
        """Return the attention's part of the residual stream, (B, T, D)."""
        projections = (self.q_proj, self.k_proj, self.v_proj)
        if self.is_fused:
            q, k, v = fused_linear(hidden_BTD, *projections)
        else:
            q, k, v = (project(hidden_BTD) for project in projections)
        by_head = (*hidden_BTD.shape[:2], -1, self.head_width)
        out_BTHE = attend(
            rotated(q.view(by_head), *rotation),
            rotated(k.view(by_head), *rotation),
            v.view(by_head),
            kind=self.kind,
            cu_seqlens_S=cu_seqlens_S,
            mask_B1TT=mask_B1TT,
        )
        out_BTD: Tensor = self.o_proj(out_BTHE.flatten(2))
        return out_BTD


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020): down(silu(gate(x)) * up(x))."""

    def __init__(self, config: ModelConfig, *, is_fused: bool) -> None:
        super().__init__()
        self.is_fused = is_fused
        self.gate_proj = Linear(config.width, config.ff_width)
        self.up_proj = Linear(config.width, config.ff_width)
        self.down_proj = Linear(config.ff_width, config.width)

    def forward(self, hidden_BTD: Tensor) -> Tensor:
        """Return the feed-forward part of the residual stream, (B, T, D)."""
        if self.is_fused:
            gate_BTF, up_BTF = fused_linear(hidden_BTD, self.gate_proj, self.up_proj)
        else:
            gate_BTF, up_BTF = self.gate_proj(hidden_BTD), self.up_proj(hidden_BTD)
        out_BTD: Tensor = self.down_proj(F.silu(gate_BTF) * up_BTF)
        return out_BTD


class Block(nn.Module):
    """One decoder layer: attention, then feed-forward, each normed before and added after."""

    def __init__(self, config: ModelConfig, *, kind: AttentionKind, is_fused: bool) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.width, config.norm_epsilon)
        self.self_attn = Attention(config, kind=kind, is_fused=is_fused)
        self.post_attention_layernorm = RMSNorm(config.width, config.norm_epsilon)
        self.mlp = FeedForward(config, is_fused=is_fused)

    def forward(
        self,
        hidden_BTD: Tensor,
        rotation: tuple[Tensor, Tensor],
        cu_seqlens_S: Tensor,
        mask_B1TT: Tensor | None,
    ) -> Tensor:
        """Return the residual stream after this layer, (B, T, D)."""
        normed_BTD = self.input_layernorm(hidden_BTD)
        hidden_BTD = hidden_BTD + self.self_attn(normed_BTD, rotation, cu_seqlens_S, mask_B1TT)
        out_BTD: Tensor = hidden_BTD + self.mlp(self.post_attention_layernorm(hidden_BTD))
        return out_BTD


class Decoder(nn.Module):
    """Embedding, layers and last norm: what Hugging Face keeps under the name `model`."""

    def __init__(self, config: ModelConfig, *, kind: AttentionKind, is_fused: bool) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocabulary_count, config.width)
        self.layers = nn.ModuleList(
            Block(config, kind=kind, is_fused=is_fused) for _ in range(config.layer_count)
        )
        self.norm = RMSNorm(config.width, config.norm_epsilon)


class Llama(nn.Module):
    """A decoder with float32 weights that computes in `dtype`; initialised by `initialise`."""

    cos_Te: Tensor
    sin_Te: Tensor

    def __init__(
        self,
        config: ModelConfig,
        *,
        attention: AttentionKind,
        dtype: torch.dtype,
        is_fused: bool = True,
    ) -> None:
        super().__init__()
        self.config = config
        self.attention: AttentionKind = attention
        self.dtype = dtype
        self.model = Decoder(config, kind=attention, is_fused=is_fused)
        if not config.tied_embeddings:
            self.lm_head = Linear(config.width, config.vocabulary_count)
        half = torch.arange(0, config.head_width, 2).float() / config.head_width
        angle_Te = torch.outer(
            torch.arange(config.context_tokens).float(), 1.0 / config.rope_theta**half
        )
        self.register_buffer("cos_Te", angle_Te.cos(), persistent=False)
        self.register_buffer("sin_Te", angle_Te.sin(), persistent=False)

    @property
    def output_weight(self) -> Tensor:
        """The weight (V, D) that makes logits of hidden states; the embedding's own where tied."""
        if self.config.tied_embeddings:
            return self.model.embed_tokens.weight
        return self.lm_head.weight

    def forward(self, ids_BT: Tensor, positions_BT: Tensor, cu_seqlens_S: Tensor) -> Tensor:
        """Return the last hidden states, (B, T, D), ready for `output_weight`.

        `ids_BT` and `positions_BT` are int64; `cu_seqlens_S` is int32 as in `attention`, and is
        not read by attention 'causal'.
        """
        row_count, row_tokens = ids_BT.shape
        rotation = (self.cos_Te[positions_BT][:, :, None], self.sin_Te[positions_BT][:, :, None])
        mask_B1TT = None
        if self.attention == "dense":
            mask_B1TT = document_mask(cu_seqlens_S, row_count, row_tokens)
        hidden_BTD: Tensor = self.model.embed_tokens(ids_BT).to(self.dtype)
        for block in self.model.layers:
            hidden_BTD = block(hidden_BTD, rotation, cu_seqlens_S, mask_B1TT)
        out_BTD: Tensor = self.model.norm(hidden_BTD)
        return out_BTD

    @torch.no_grad()
    def initialise(self, seed: int) -> None:
        """Draw every weight from N(0, 0.02), those that end in the residual stream from a narrower.

        Their deviation is divided by sqrt(2 * layers), so that the stream's variance does not grow
        with depth (Radford et al. 2019). The draws depend on the device's generator.
        """
        generator = torch.Generator(self.output_weight.device).manual_seed(seed)
        for name, weight in self.named_parameters():
            if weight.ndim < 2:
                weight.fill_(1.0)
                continue
            deviation = _INITIAL_DEVIATION
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                deviation /= math.sqrt(2 * self.config.layer_count)
            weight.normal_(0.0, deviation, generator=generator)
