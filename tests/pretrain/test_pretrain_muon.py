"""Muon moves matrices as torch's own does, and a run with it goes on as one with AdamW does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from build_runs import shared_forge

from skypile.cli.main import run
from skypile.pretrain.checkpoint import newest, read_state
from skypile.pretrain.config import ExecutionConfig
from skypile.pretrain.log import read_log
from skypile.pretrain.muon import muon, newton_schulz
from skypile.pretrain.step import built_model

OPTIONS = ("--device", "cpu", "--threads", "1", "--quiet")


@pytest.mark.parametrize("shape", [(24, 24), (8, 40), (40, 8)])
def test_singular_values_come_near_one(shape):
    torch.manual_seed(0)
    found = newton_schulz(torch.randn(shape), torch.float32)
    left, _, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    assert found.shape == shape
    assert torch.linalg.svdvals(found).sub(1).abs().max() < 0.4
    # What is orthogonal already keeps its directions.
    kept = newton_schulz(left @ right, torch.float32)
    assert torch.nn.functional.cosine_similarity(kept.flatten(), (left @ right).flatten(), 0) > 0.99


def test_steps_are_those_of_torchs_own(small):
    """Matrices by torch.optim.Muon in bfloat16, with Moonlight's scale; all else by AdamW."""
    execution = ExecutionConfig(attention="dense", compiled="none")
    ours, theirs = (
        built_model(small, execution, device=torch.device("cpu"), dtype=torch.float32, seed=0)
        for _ in range(2)
    )
    optimizer = muon(ours, learning_rate=0.02, dtype=torch.bfloat16)
    matrices = [w for n, w in theirs.named_parameters() if ".layers." in n and w.ndim == 2]
    named = [(n, w) for n, w in theirs.named_parameters() if all(w is not m for m in matrices)]
    assert sorted(n.split(".")[-2] for n, w in named if w.ndim == 2) == ["embed_tokens", "lm_head"]
    others = [w for _, w in named]
    twins = [
        torch.optim.Muon(matrices, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(
            [{"params": [w for w in others if w.ndim == 2], "weight_decay": 0.1},
             {"params": [w for w in others if w.ndim < 2], "weight_decay": 0.0}],
            lr=0.02, betas=(0.9, 0.95),
        ),
    ]  # fmt: skip
    draws = torch.Generator().manual_seed(1)
    for rate in (0.02, 0.02, 0.005):
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            one.grad = torch.randn(one.shape, generator=draws)
            other.grad = one.grad.clone()
        for each in (optimizer, *twins):
            for group in each.param_groups:
                group["lr"] = rate
            each.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


def told(folder: Path) -> list[dict]:
    records = read_log(folder / "log.jsonl")
    return [{k: v for k, v in record.items() if k != "tokens_per_second"} for record in records]


@pytest.fixture(scope="module")
def whole(token_folder, config_text, tmp_path_factory) -> Path:
    """A run of 12 steps."""
    folder = tmp_path_factory.mktemp("muon")
    (folder / "config.yaml").write_text(f"{config_text}optimizer: muon\n", "utf-8")
    args = ["--config", folder / "config.yaml", "--output", folder / "run", *OPTIONS]
    assert run(["pretrain", str(token_folder), *map(str, args)]) == 0
    return folder / "run"


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    """That run, ended behind step 9."""
    shutil.copytree(whole, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "checkpoints" / "step-00000012")
    return tmp_path / "copy"


def resumed(tokens: Path, folder: Path, *more: object) -> int:
    args = [tokens, "--output", folder, "--resume", *OPTIONS, *more]
    return run(["pretrain", *map(str, args)])


def test_a_run_trains_and_goes_on_with_the_same_losses(whole, copy, token_folder):
    checks = [r["losses"] for r in told(whole) if r["kind"] == "validation"]
    assert all(checks[-1][name] < checks[0][name] - 0.3 for name in checks[0])
    assert resumed(token_folder, copy) == 0
    assert told(copy) == told(whole)


def test_two_ranks_train_as_one_does(whole, copy, token_folder, monkeypatch):
    """FSDP2 over gloo: matrices are gathered for their steps, and sharded again."""
    for name, value in (("WORLD_SIZE", "2"), ("MASTER_ADDR", "127.0.0.1"),
                        ("MASTER_PORT", "29641")):  # fmt: skip
        monkeypatch.setenv(name, value)
    ranks = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("LOCAL_RANK", rank)
        ranks.append(
            shared_forge().start("pretrain", token_folder, "--output", copy, "--resume", *OPTIONS)
        )
    for rank in ranks:
        done = rank.wait()
        assert done.code == 0, done.err
    monkeypatch.delenv("WORLD_SIZE")
    for ours, other in zip(told(copy), told(whole), strict=True):
        for key in ours:
            assert ours[key] == pytest.approx(other[key], abs=1e-4), ours
    assert read_state(newest(copy)).ranks == 2
    shutil.rmtree(newest(copy))
    assert resumed(token_folder, copy) == 0


def test_runs_of_either_optimizer_may_begin_with_the_other(
    whole, copy, token_folder, config_text, tmp_path, capsys
):
    path = tmp_path / "adamw.yaml"
    path.write_text(config_text.replace("- name: one\n", f"- name: one\n  start: {whole}\n"))
    args = ["--config", path, "--output", tmp_path / "run", *OPTIONS]
    assert run(["pretrain", str(token_folder), *map(str, args)]) == 0
    found = [r["losses"] for r in told(tmp_path / "run") if r["kind"] == "validation"]
    last = [r["losses"] for r in told(whole) if r["kind"] == "validation"][-1]
    assert found[0] == pytest.approx(last, abs=1e-6)
    assert all(found[-1][name] < last[name] + 0.5 for name in last)
    path.write_text(config_text)
    assert resumed(token_folder, copy, "--config", path) == 1
    told_so = capsys.readouterr().err
    assert "was trained with optimizer.name muon, the config says adamw" in told_so


def test_a_checkpoint_of_before_there_was_a_choice_goes_on(token_folder, config_text, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(config_text)
    args = ["--config", path, "--output", tmp_path / "run", *OPTIONS]
    assert run(["pretrain", str(token_folder), *map(str, args)]) == 0
    state = newest(tmp_path / "run") / "checkpoint.json"
    data = json.loads(state.read_bytes())
    for name in ("name", "momentum"):
        del data["config"]["optimizer"][name]
    state.write_text(json.dumps(data))
    assert resumed(token_folder, tmp_path / "run") == 0


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("optimizer: mun", "optimizer.name: Input should be 'adamw' or 'muon'"),
        ("optimizer: {momentum: 0.9}", "optimizer: momentum is that of muon; adamw has beta1"),
        ("optimizer: {name: muon, momentun: 0.9}", "unknown key; did you mean momentum?"),
    ],
)
def test_optimizers_that_cannot_be_are_refused(
    token_folder, config_text, tmp_path, capsys, line, sentence
):
    (tmp_path / "config.yaml").write_text(f"{config_text}{line}\n")
    args = ["--config", tmp_path / "config.yaml", "--output", tmp_path / "run", *OPTIONS]
    assert run(["pretrain", str(token_folder), *map(str, args)]) == 2
    assert sentence in capsys.readouterr().err
