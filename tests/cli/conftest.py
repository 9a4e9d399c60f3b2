"""Fixtures of the command's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_runs import CORPUS_RECIPE, RECIPE, Done, forked

from skypile.cli.main import run

SAMPLE = Path(__file__).parents[2] / "skypile" / "sample"


@pytest.fixture
def call(capfdbinary) -> Callable[..., Done]:
    """Run the command in this process."""

    def called(*args: object) -> Done:
        capfdbinary.readouterr()
        code = run([str(arg) for arg in args])
        out, err = capfdbinary.readouterr()
        return Done(code, out, err.decode())

    return called


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe without models."""
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE, "utf-8")
    return path


@pytest.fixture(scope="session")
def recipe_of_corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of CORPUS_RECIPE as a file."""
    path = tmp_path_factory.mktemp("cli-recipe") / "corpus.yaml"
    path.write_text(CORPUS_RECIPE, "utf-8")
    return path


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory, recipe_of_corpora: Path) -> Path:
    """A corpus built from the sample; tests may look at it and change nothing."""
    out = tmp_path_factory.mktemp("cli-corpus") / "out"
    inputs = [SAMPLE / name for name in ("web-en.jsonl", "web-zh.jsonl", "crawl-broken.jsonl")]
    done = forked("build", *inputs, SAMPLE / "code", "--recipe", recipe_of_corpora, "--output", out)
    assert done.code == 0, done.err
    return out
