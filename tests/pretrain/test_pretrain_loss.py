"""The chunked loss is the plain one, its gradients as well."""

from __future__ import annotations

import pytest
import torch

from skypile.pretrain.loss import IGNORED, chunked_loss, full_loss


def example(tokens: int = 50) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(tokens, 16, generator=generator)
    weight = torch.randn(70, 16, generator=generator)
    targets = torch.randint(0, 70, (tokens,), generator=generator)
    targets[::7] = IGNORED
    return hidden, weight, targets


@pytest.mark.parametrize("chunk_tokens", [1, 8, 25, 50, 64])
def test_loss_and_gradients_are_those_of_all_logits_at_once(chunk_tokens):
    hidden, weight, targets = example()
    found = []
    for loss_of in (full_loss, lambda *args: chunked_loss(*args, chunk_tokens=chunk_tokens)):
        h, w = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
        loss = loss_of(h, w, targets)
        (loss / 43).backward()
        found.append((loss.detach(), h.grad, w.grad))
    for plain, chunked in zip(*found, strict=True):
        torch.testing.assert_close(chunked, plain, rtol=1e-5, atol=1e-5)


def test_gradients_in_bfloat16_are_near_and_the_weights_stay_float32():
    hidden, weight, targets = example(64)
    weight.requires_grad_()
    chunked_loss(hidden.bfloat16(), weight, targets, chunk_tokens=16).backward()
    near = weight.grad.clone()
    weight.grad = None
    full_loss(hidden, weight, targets).backward()
    assert near.dtype == torch.float32
    assert (near - weight.grad).norm() / weight.grad.norm() < 0.02


def test_targets_that_are_ignored_have_no_loss_and_no_gradient():
    hidden, weight, _ = example()
    hidden.requires_grad_()
    targets = torch.full((50,), IGNORED)
    loss = chunked_loss(hidden, weight, targets, chunk_tokens=8)
    loss.backward()
    assert loss == 0
    assert not hidden.grad.any()


def test_the_loss_is_a_sum_over_targets():
    hidden, weight, targets = example()
    halves = [
        chunked_loss(hidden[part], weight, targets[part], chunk_tokens=9)
        for part in (slice(0, 20), slice(20, 50))
    ]
    torch.testing.assert_close(sum(halves), chunked_loss(hidden, weight, targets, chunk_tokens=9))


def test_compiled_chunks_are_of_one_size():
    hidden, weight, targets = example()
    with pytest.raises(ValueError, match="50 tokens are no multiple"):
        chunked_loss(hidden, weight, targets, chunk_tokens=8, is_compiled=True)
