"""Causal attention by three kernels, two of which keep packed documents apart.

`varlen` (CUDA): FlashAttention 2 over documents laid end to end; it computes inside documents
only, so separating them saves work. `causal`: torch's fused attention over whole rows, cuDNN on
Hopper since torch 2.11, for rows that are one document each or where mixing is accepted. `dense`:
a mask of T x T per row, for CPU, where neither varlen nor FlexAttention's backward has a kernel.

Shape suffixes: B rows, T positions, N = B * T tokens, H query heads, K key and value heads,
E width of a head, S document slots + 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # torch < 2.10, which trains on CPU or with whole rows
    varlen_attn = None  # type: ignore[assignment]

from skypile.pretrain.config import AttentionKind

__all__ = ["attend", "document_mask"]

Tensor = torch.Tensor


def document_mask(cu_seqlens_S: Tensor, row_count: int, row_tokens: int) -> Tensor:
    """Return what each position may read, bool (B, 1, T, T): its own document, up to itself.

    `cu_seqlens_S` (int32) holds the borders of documents over the B * T tokens in order, first 0,
    filled up with B * T; a document ends with its row at the latest.
    """
    at_N = torch.arange(row_count * row_tokens, dtype=torch.int32, device=cu_seqlens_S.device)
    document_N = torch.searchsorted(cu_seqlens_S[1:].contiguous(), at_N, right=True)
    document_BT = document_N.view(row_count, row_tokens)
    is_same_BTT = document_BT[:, :, None] == document_BT[:, None, :]
    return is_same_BTT.tril()[:, None]


def attend(
    q_BTHE: Tensor,
    k_BTKE: Tensor,
    v_BTKE: Tensor,
    *,
    kind: AttentionKind,
    cu_seqlens_S: Tensor,
    mask_B1TT: Tensor | None,
) -> Tensor:
    """Return causal attention, (B, T, H, E), scaled by 1 / sqrt(E).

    `cu_seqlens_S` (int32, a fixed count, see `document_mask`) is read by varlen, the mask by dense.
    Fewer key heads than query heads are repeated, because torch 2.11's varlen takes equal counts.
    """
    repeats = q_BTHE.shape[2] // k_BTKE.shape[2]
    k_BTHE = k_BTKE if repeats == 1 else k_BTKE.repeat_interleave(repeats, dim=2)
    v_BTHE = v_BTKE if repeats == 1 else v_BTKE.repeat_interleave(repeats, dim=2)
    if kind == "varlen":
        return _varlen(q_BTHE, k_BTHE, v_BTHE, cu_seqlens_S)
    out_BHTE = F.scaled_dot_product_attention(
        q_BTHE.transpose(1, 2),
        k_BTHE.transpose(1, 2),
        v_BTHE.transpose(1, 2),
        attn_mask=mask_B1TT if kind == "dense" else None,
        is_causal=kind == "causal",
    )
    return out_BHTE.transpose(1, 2)


def _varlen(q_BTHE: Tensor, k_BTHE: Tensor, v_BTHE: Tensor, cu_seqlens_S: Tensor) -> Tensor:
    """Return attention within documents; the longest possible one, T, is a constant of the graph.

    A true maximum would be another integer each batch, and each would compile anew.
    """
    assert varlen_attn is not None, "attention 'varlen' needs torch >= 2.10"
    row_tokens = q_BTHE.shape[1]
    out_NHE = varlen_attn(
        q_BTHE.flatten(0, 1),
        k_BTHE.flatten(0, 1),
        v_BTHE.flatten(0, 1),
        cu_seqlens_S,
        cu_seqlens_S,
        row_tokens,
        row_tokens,
        window_size=(-1, 0),  # causal, in 2.11 and in 2.13
    )
    assert isinstance(out_NHE, torch.Tensor)
    return out_NHE.view_as(q_BTHE)
