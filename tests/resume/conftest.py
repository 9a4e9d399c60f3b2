"""Builds of a small input of several units, disturbed and undisturbed."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from build_runs import Forge, Strike, shared_forge
from corpus_state import content, options, write_inputs
from made_once import made_once

from skypile.cli import build as command


@pytest.fixture(scope="session")
def forged() -> Forge:
    """What starts commands."""
    return shared_forge()


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The input folder; tests that change it copy it first."""
    return (
        made_once(tmp_path_factory, "inputs", lambda folder: write_inputs(folder / "raw")) / "raw"
    )


@pytest.fixture(scope="session")
def undisturbed(forged: Forge, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus that nothing happened to; tests may look at it and change nothing."""

    def make(folder: Path) -> None:
        done = forged.run(*options(inputs, folder / "out"))
        assert done.code == 0, done.err

    return made_once(tmp_path_factory, "undisturbed", make) / "out"


@pytest.fixture(scope="session")
def expected(undisturbed: Path) -> dict[str, Any]:
    """The content of the undisturbed corpus."""
    return content(undisturbed)


@pytest.fixture(scope="session")
def killed_late(forged: Forge, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a build that was killed when only the manifest was missing."""

    def make(folder: Path) -> None:
        strike = Strike(r"/manifest\.json$")
        assert forged.run(*options(inputs, folder / "out"), strike=strike).code == -9

    return made_once(tmp_path_factory, "killed-late", make) / "out"


@pytest.fixture
def late(killed_late: Path, tmp_path: Path) -> Path:
    """A copy of that folder, which a test may damage."""
    return Path(shutil.copytree(killed_late, tmp_path / "out"))


@pytest.fixture(params=["driver", pytest.param("workers", marks=pytest.mark.slow)])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options for a build in one process, and for one with two workers."""
    if request.param == "driver":
        return ()
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    if "--workers" not in parser.format_help():
        pytest.skip("this build has no option --workers")
    return ("--workers", "2")


@pytest.fixture
def verified(forged: Forge) -> Callable[[Path], str]:
    """Return what ``skypile verify`` says of a corpus; empty where all is well."""

    def told(output: Path) -> str:
        done = forged.run("verify", output)
        assert done.code in (0, 1), done.err
        return "" if done.code == 0 else done.out

    return told
