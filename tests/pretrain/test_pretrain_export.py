"""An exported model is, to transformers, the model that was trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from skypile.cli.main import run
from skypile.pretrain.checkpoint import newest, read_state, restore
from skypile.pretrain.model import Llama
from skypile.pretrain.optim import adamw
from skypile.pretrain.run_config import RunConfig


def logits_of(model: Llama, ids: torch.Tensor) -> torch.Tensor:
    """The model's own logits for one document, (T, V)."""
    positions = torch.arange(ids.shape[1])[None]
    hidden = model(ids, positions, torch.tensor([0, ids.shape[1]], dtype=torch.int32))
    return torch.nn.functional.linear(hidden, model.output_weight)[0]


def trained_model(folder: Path) -> Llama:
    config = RunConfig.model_validate(read_state(newest(folder)).config).model
    model = Llama(config, attention="dense", dtype=torch.float32)
    restore(newest(folder), model, adamw(model))
    return model


@pytest.mark.parametrize("is_tied", [False, True])
def test_transformers_computes_the_same(token_folder, config_file, tmp_path, is_tied):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    changes = [("context_tokens: 64}", "context_tokens: 64, rope_theta: 5000, "
                "tied_embeddings: true}")] if is_tied else []  # fmt: skip
    args = ["--config", config_file(*changes), "--output", tmp_path / "run", "--quiet"]
    assert run(["pretrain", *map(str, [token_folder, *args, "--device", "cpu"])]) == 0
    out = tmp_path / "model"
    export = ["export", str(tmp_path / "run"), "--output", str(out)]
    assert run(export) == 0
    theirs, told = AutoModelForCausalLM.from_pretrained(
        out, output_loading_info=True, dtype=torch.float32
    )
    assert not told["missing_keys"] and not told["unexpected_keys"]
    assert not told["mismatched_keys"]
    ours = trained_model(tmp_path / "run")
    ids = torch.randint(0, 258, (1, 60), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert (theirs(ids).logits[0] - logits_of(ours, ids)).abs().max() < 1e-5
        greedy = ids[:, :8]
        for _ in range(32):
            following = logits_of(ours, greedy)[-1].argmax()
            greedy = torch.cat([greedy, following.view(1, 1)], dim=1)
    found = theirs.generate(ids[:, :8], max_new_tokens=32, do_sample=False, eos_token_id=None)
    assert torch.equal(found, greedy)
    tokenizer = AutoTokenizer.from_pretrained(out)
    assert tokenizer.decode(tokenizer.encode("Two 二", add_special_tokens=False)) == "Two 二"
    assert (tokenizer.bos_token_id, tokenizer.eos_token) == (5, "<|skypile_endoftext|>")
    assert run(export) == 2  # nothing is written over


def test_what_cannot_be_exported_is_said(tmp_path, capsys):
    assert run(["export", str(tmp_path), "--output", str(tmp_path / "out")]) == 1
    assert "is no checkpoint, and no run with one" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
