"""The ceilings of a training step: matrix products and attention, measured by themselves.

Always on random numbers: a product of zeros takes less power, so the card clocks higher (13 %
faster on an H200).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from train_clock import seconds_per_call

from skypile.pretrain.attention import attend
from skypile.pretrain.config import AttentionKind, ModelConfig
from skypile.pretrain.rows import Rows
from skypile.pretrain.token_file import TokenFile

__all__ = ["attention_rates", "matmul_rates", "shapes_ceiling"]

Tensor = torch.Tensor
# A forward product of attention is two matrix products, a backward one five.
_BACKWARD_FACTOR = 2.5


def _product_seconds(m: int, k: int, n: int, layout: str, device: torch.device) -> float:
    """Return the time of one bfloat16 product (m, k) @ (k, n); layouts: N plain, T transposed."""
    left = torch.randn((m, k) if layout[0] == "N" else (k, m), device=device).bfloat16()
    right = torch.randn((k, n) if layout[1] == "N" else (n, k), device=device).bfloat16()
    left = left if layout[0] == "N" else left.T
    right = right if layout[1] == "N" else right.T
    out = torch.empty((m, n), dtype=torch.bfloat16, device=device)
    return seconds_per_call(lambda: torch.mm(left, right, out=out), device, budget_seconds=0.25)


def model_products(config: ModelConfig) -> list[tuple[str, int, int, int]]:
    """Return name, input width, output width and count per token of a step's fused products."""
    query, kv = config.head_count * config.head_width, config.kv_head_count * config.head_width
    layers = config.layer_count
    return [
        ("qkv", config.width, query + 2 * kv, layers),
        ("out", query, config.width, layers),
        ("gate+up", config.width, 2 * config.ff_width, layers),
        ("down", config.ff_width, config.width, layers),
        ("logits", config.width, config.vocabulary_count, 1),
    ]


def matmul_rates(
    config: ModelConfig, tokens: int, square: int, device: torch.device
) -> list[dict[str, Any]]:
    """Return TFLOP/s of a square product and of a step's own: forward, and both gradients."""
    seconds = _product_seconds(square, square, square, "NT", device)
    found = [{"name": f"square {square}", "tflops": 2 * square**3 / seconds / 1e12, "weight": 0}]
    for name, inner, outer, repeats in model_products(config):
        # y = x W^T, dx = dy W, dW = dy^T x, as linear layers have them.
        cases = [
            ("forward", tokens, inner, outer, "NT"),
            ("input gradient", tokens, outer, inner, "NN"),
            ("weight gradient", outer, tokens, inner, "TN"),
        ]
        for part, m, k, n, layout in cases:
            seconds = _product_seconds(m, k, n, layout, device)
            flops = 2.0 * m * k * n
            row = {"name": f"{name} {part}", "m": m, "k": k, "n": n}
            found.append({**row, "tflops": flops / seconds / 1e12, "weight": flops * repeats})
    return found


def shapes_ceiling(rates: list[dict[str, Any]]) -> float:
    """Return the TFLOP/s that a step of nothing but its matrix products would reach."""
    work = sum(rate["weight"] for rate in rates)
    return float(work / sum(rate["weight"] / rate["tflops"] for rate in rates))


def _attention_seconds(call: Callable[[], Tensor], device: torch.device) -> tuple[float, float]:
    """Return the times of a forward pass and of forward with backward."""
    gradient = torch.randn_like(call())

    def both() -> None:
        call().backward(gradient)  # type: ignore[no-untyped-call]

    with torch.no_grad():
        forward = seconds_per_call(call, device, budget_seconds=0.2)
    return forward, seconds_per_call(both, device, budget_seconds=0.3)


def _kernel_names(call: Callable[[], Tensor]) -> list[str]:
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        call()
        torch.cuda.synchronize()
    return [event.key[:90] for event in profile.key_averages()]


def attention_rates(
    config: ModelConfig, source: TokenFile, row_tokens: int, tokens: int, device: torch.device
) -> list[dict[str, Any]]:
    """Return TFLOP/s, by the pairs attended to, of each kernel on whole rows and on documents."""
    batch_rows = tokens // row_tokens
    shape = (batch_rows, row_tokens, config.head_count, config.head_width)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    q, k, v = (torch.randn(shape, device=device, dtype=dtype).requires_grad_() for _ in range(3))
    found = []
    for name, kind, backend, apart in _attention_cases(device):
        rows = Rows(source, row_tokens=row_tokens, seed=0, documents_apart=apart)
        slots = rows.document_slots(start=0, batch_count=1, batch_rows=batch_rows)
        batch = rows.batch(0, batch_rows=batch_rows, document_slots=slots).to(device)
        call = partial(_attention, q, k, v, kind, backend, batch.cu_seqlens_S)
        entry = {"name": name, "row_tokens": row_tokens, "rows": batch_rows, "slots": slots}
        flops = 4.0 * config.head_count * config.head_width * batch.pairs
        found.append({**entry, **_attention_rate(call, flops, tokens, device)})
    return found


def _attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    kind: AttentionKind,
    backend: SDPBackend | None,
    cu_seqlens_S: Tensor,
) -> Tensor:
    if backend is None:
        return attend(q, k, v, kind=kind, cu_seqlens_S=cu_seqlens_S, mask_B1TT=None)
    with sdpa_kernel(backend):
        return F.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True
        )


def _attention_rate(
    call: Callable[[], Tensor], flops: float, tokens: int, device: torch.device
) -> dict[str, Any]:
    try:
        forward, both = _attention_seconds(call, device)
        kernels = _kernel_names(call) if device.type == "cuda" else []
    except RuntimeError as error:
        return {"error": str(error)[:300]}
    return {
        "forward_tflops": flops / forward / 1e12,
        "both_tflops": flops * (1 + _BACKWARD_FACTOR) / both / 1e12,
        "both_microseconds_per_token": 1e6 * both / tokens,
        "kernels": kernels,
    }


def _attention_cases(
    device: torch.device,
) -> list[tuple[str, AttentionKind, SDPBackend | None, bool]]:
    if device.type != "cuda":
        return [("torch's choice, rows", "causal", None, False)]
    return [
        ("torch's choice, rows", "causal", None, False),
        ("cuDNN, rows", "causal", SDPBackend.CUDNN_ATTENTION, False),
        ("FlashAttention 2, rows", "causal", SDPBackend.FLASH_ATTENTION, False),
        ("varlen, rows", "varlen", None, False),
        ("varlen, documents", "varlen", None, True),
    ]
