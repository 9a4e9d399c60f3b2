"""A run trains in stages, and goes on after a kill as if there had been none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skypile.cli.main import run
from skypile.pretrain.log import read_log


def pretrain(*args: object) -> int:
    return run(["pretrain", *map(str, args), "--device", "cpu", "--threads", "1", "--quiet"])


def losses(folder: Path) -> list[tuple]:
    """All that is deterministic of a run's log."""
    return [
        tuple((k, json.dumps(v)) for k, v in record.items() if k != "tokens_per_second")
        for record in read_log(folder / "log.jsonl")
    ]


@pytest.fixture
def whole(token_folder, config_file, tmp_path) -> Path:
    """A run of 12 steps."""
    assert pretrain(token_folder, "--config", config_file(), "--output", tmp_path / "run") == 0
    return tmp_path / "run"


def test_a_run_in_stages_and_going_on_with_it_from_any_checkpoint(
    whole, token_folder, config_file, tmp_path
):
    records = read_log(whole / "log.jsonl")
    steps = [r for r in records if r["kind"] == "step"]
    assert [r["step"] for r in steps] == list(range(1, 13))
    assert [r["stage"] for r in steps] == ["one"] * 7 + ["two"] * 5
    assert steps[-1]["loss"] < steps[0]["loss"] - 0.5
    assert steps[0]["lr"] == pytest.approx(3e-3) and steps[-1]["lr"] == pytest.approx(1e-3)
    checks = [r for r in records if r["kind"] == "validation"]
    assert [r["step"] for r in checks] == [0, 4, 7, 8, 12]
    assert set(checks[0]["losses"]) == {"en", "zh", "code", "en-stem"}
    assert all(checks[-1]["losses"][d] < checks[0]["losses"][d] for d in checks[0]["losses"])
    kept = sorted(path.name for path in (whole / "checkpoints").iterdir())
    assert kept == ["step-00000009", "step-00000012"]
    # Taken back to step 9, it does the same again.
    before = losses(whole)
    for path in (whole / "checkpoints" / "step-00000012").iterdir():
        path.unlink()
    (whole / "checkpoints" / "step-00000012").rmdir()
    assert pretrain(token_folder, "--output", whole, "--resume") == 0
    assert losses(whole) == before


def test_a_killed_run_goes_on_with_the_same_losses(whole, token_folder, config_file, tmp_path):
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "skypile", "pretrain", token_folder, "--config",
               config_file(), "--output", killed, "--device", "cpu", "--threads", "1"]  # fmt: skip
    with subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE) as process:
        end = time.monotonic() + 60
        log = killed / "log.jsonl"
        while time.monotonic() < end and not (killed / "checkpoints" / "step-00000003").exists():
            assert process.poll() is None
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
    assert losses(killed) != losses(whole)
    assert log.exists() and len(losses(killed)) < len(losses(whole))
    assert pretrain(token_folder, "--output", killed, "--resume") == 0
    assert losses(killed) == losses(whole)
