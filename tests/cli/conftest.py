"""Fixtures of the command's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_runs import CORPUS_RECIPE, RECIPE, Done, forked
from made_once import made_once

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

    def make(folder: Path) -> None:
        (folder / "corpus.yaml").write_text(CORPUS_RECIPE, "utf-8")

    return made_once(tmp_path_factory, "cli-recipe", make) / "corpus.yaml"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory, recipe_of_corpora: Path) -> Path:
    """A corpus built from the sample; tests may look at it and change nothing."""

    def make(folder: Path) -> None:
        names = ("web-en.jsonl", "web-zh.jsonl", "crawl-broken.jsonl", "code")
        inputs = [SAMPLE / name for name in names]
        options = ["--recipe", recipe_of_corpora, "--output", folder / "out"]
        done = forked("build", *inputs, *options)
        assert done.code == 0, done.err

    return made_once(tmp_path_factory, "cli-corpus", make) / "out"
