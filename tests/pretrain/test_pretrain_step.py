"""A step trains, the same however it is split, and learning rates are what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from skypile.pretrain.config import ExecutionConfig
from skypile.pretrain.optim import adamw, clip_gradients, constant_rate, cosine_rate
from skypile.pretrain.rows import Rows
from skypile.pretrain.step import built_model, loss_function, training_step
from skypile.pretrain.token_file import open_tokens, write_tokens

CPU = torch.device("cpu")
PLAIN = ExecutionConfig(attention="dense", compiled="none", loss_chunk_tokens=100)


@pytest.fixture
def text_rows(sample: Path, tmp_path: Path) -> Rows:
    """Rows of real text, a byte being a token."""
    texts = [path.read_bytes()[:5000] for path in sorted(sample.rglob("*")) if path.is_file()]
    documents = [np.frombuffer(text, np.uint8).astype(np.uint32) for text in texts if text]
    write_tokens(tmp_path / "bytes", documents, vocabulary_count=256, tokenizer_sha256="bytes")
    return Rows(open_tokens(tmp_path / "bytes"), row_tokens=64, seed=0)


def trained(rows: Rows, config, execution: ExecutionConfig, *, steps: int, split: int = 1):
    """Train on batches of 8 rows, each in `split` micro-batches; return model, losses, norms."""
    model = built_model(config, execution, device=CPU, dtype=torch.float32, seed=0)
    loss_of, optimizer = loss_function(model, execution), adamw(model)
    results = []
    for step in range(steps):
        batches = rows.batches(
            start=8 * step, batch_count=split, batch_rows=8 // split, document_slots=256
        )
        results.append(training_step(loss_of, optimizer, list(batches), learning_rate=3e-3))
    return model, [r.loss.item() for r in results], [r.gradient_norm.item() for r in results]


def test_the_loss_falls_on_real_text(text_rows, small):
    _, losses, norms = trained(text_rows, small, PLAIN, steps=40)
    assert losses[0] == pytest.approx(np.log(320), abs=0.3)
    assert np.mean(losses[-5:]) < losses[0] - 2.0
    assert np.isfinite(norms).all()


@pytest.mark.parametrize("split", [2, 8])
def test_micro_batches_change_rounding_only(text_rows, small, split):
    _, whole, whole_norms = trained(text_rows, small, PLAIN, steps=3)
    _, parts, parts_norms = trained(text_rows, small, PLAIN, steps=3, split=split)
    assert parts == pytest.approx(whole, abs=1e-4)
    assert parts_norms == pytest.approx(whole_norms, rel=1e-3)


@pytest.mark.parametrize(
    "changes", [{"loss": "full"}, {"is_fused": False}, {"loss_chunk_tokens": 7}]
)
def test_how_a_model_is_computed_changes_rounding_only(text_rows, small, changes):
    _, plain, _ = trained(text_rows, small, PLAIN, steps=3)
    _, other, _ = trained(text_rows, small, PLAIN.model_copy(update=changes), steps=3)
    assert other == pytest.approx(plain, abs=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute")  # the compiler's own, of torch 2.13
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize(("compiled", "loss"), [("blocks", "chunked"), ("model", "full")])
def test_compiling_changes_rounding_only(text_rows, small, compiled, loss):
    torch._dynamo.reset()
    # A model that is compiled whole takes the compiler as much again for each further layer.
    small = small.model_copy(update={"layer_count": 1 if compiled == "model" else 2})
    execution = PLAIN.model_copy(update={"loss": loss, "loss_chunk_tokens": 128})
    _, plain, _ = trained(text_rows, small, execution, steps=3)
    compiled_execution = execution.model_copy(update={"compiled": compiled})
    _, other, _ = trained(text_rows, small, compiled_execution, steps=3)
    assert other == pytest.approx(plain, abs=1e-4)


def test_only_matrices_decay(small):
    model = built_model(small, PLAIN, device=CPU, dtype=torch.float32, seed=0)
    decaying, others = adamw(model).param_groups
    assert decaying["weight_decay"] == 0.1
    assert others["weight_decay"] == 0.0
    assert {weight.ndim for weight in decaying["params"]} == {2}
    assert {weight.ndim for weight in others["params"]} == {1}
    assert len(others["params"]) == 5


def test_gradients_are_clipped_to_the_norm():
    weight = torch.zeros(4, requires_grad=True)
    weight.grad = torch.full((4,), 3.0)
    assert clip_gradients([weight], max_norm=1.0) == 6.0
    assert weight.grad.norm() == pytest.approx(1.0, abs=1e-5)


def test_rates():
    rates = [cosine_rate(step, step_count=101, warmup_steps=10) for step in range(101)]
    assert rates[0] == pytest.approx(6e-5)
    assert rates[9] == rates[10] == 6e-4
    assert rates[100] == pytest.approx(6e-5)
    assert rates[55] == pytest.approx((6e-4 + 6e-5) / 2)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert constant_rate(7) == constant_rate(0) == 6e-5
    assert constant_rate(0, warmup_steps=2) == 3e-5
