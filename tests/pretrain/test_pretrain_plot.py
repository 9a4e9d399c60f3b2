"""The curves of a log, and what is said where they cannot be drawn."""

from __future__ import annotations

import importlib.util
import json

import pytest

from skypile.cli.main import run
from skypile.cli.plot import curves

RECORDS = [
    {"kind": "validation", "step": 0, "stage": "a", "losses": {"en": 5.0, "zh": 6.0}},
    *(
        {"kind": "step", "step": step, "stage": "a" if step < 3 else "b", "loss": 5.0 - step,
         "lr": 1e-3, "grad_norm": 1.0, "tokens_per_second": 100.0}
        for step in range(1, 5)
    ),
    {"kind": "guard", "step": 4, "stage": "b", "risen": {"en": 0.1}, "action": "stop"},
    {"kind": "validation", "step": 4, "stage": "b", "losses": {"en": 4.0, "zh": 4.5}},
]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return tmp_path


def test_curves_are_those_of_the_log():
    found = curves(RECORDS)
    assert found["loss"] == ([1, 2, 3, 4], [4.0, 3.0, 2.0, 1.0])
    assert found["held out zh"] == ([0, 4], [6.0, 4.5])
    assert set(found) == {"loss", "lr", "grad_norm", "tokens_per_second", "held out en",
                          "held out zh"}  # fmt: skip


def test_a_picture_is_drawn_or_what_lacks_is_said(folder, capsys):
    has_matplotlib = importlib.util.find_spec("matplotlib") is not None
    assert run(["plot", str(folder)]) == (0 if has_matplotlib else 2)
    if has_matplotlib:
        assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert "pip install 'skypile[plot]'" in capsys.readouterr().err


def test_a_folder_without_steps_is_refused(folder, capsys):
    (folder / "log.jsonl").write_text("")
    assert run(["plot", str(folder)]) == 1
    assert "has no steps yet" in capsys.readouterr().err
    (folder / "log.jsonl").unlink()
    assert run(["plot", str(folder)]) == 1
    assert "the log cannot be read" in capsys.readouterr().err
