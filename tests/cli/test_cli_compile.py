"""``skypile compile``: no kernel is left to be compiled by a later run."""

from __future__ import annotations

from pathlib import Path

import pytest

from skypile import kernels
from skypile.cli.main import run
from skypile.cli.terminal import say_whether_it_compiles
from skypile.kernels import cache

MARKS = ("@njit", "@_compiled", "@uncounted")


@pytest.mark.slow
def test_every_module_of_kernels_has_compiled_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compile"]) == 0
    assert str(cache.folder()) in capsys.readouterr().err
    compiled = {path.name.partition(".")[0] for path in cache.folder().rglob("*.nbi")}
    [folder] = map(Path, kernels.__path__)
    modules = {
        path.stem
        for path in folder.glob("*.py")
        if any(line in MARKS for line in path.read_text("utf-8").splitlines())
    }
    assert len(modules) > 10
    assert modules - compiled == set()
    assert "screen_kernel" in compiled


def test_a_first_run_says_that_it_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    say_whether_it_compiles()
    assert f"kept in {tmp_path}" in capsys.readouterr().err
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "words.nbi").touch()
    say_whether_it_compiles()
    assert capsys.readouterr().err == ""
