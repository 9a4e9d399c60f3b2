"""The wheel holds all that a user needs, and works where nothing else of the project is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def run(*command: object, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SKYPILE_SHARED")}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy, since setuptools leaves its build folder behind; what git knows is what is shipped.
    listed = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory) -> Path:
    """The scripts of an environment that has the wheel, and of this project nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = Path(
        run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=folder).strip()
    )
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    run(*pip, "install", "--no-deps", wheel, cwd=folder)
    # Dependencies are those of the tests, behind the environment's own packages. A path in a .pth
    # file is not searched for further .pth files, so the editable install is not seen.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def test_weights_recipes_and_sample_lie_inside(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "skypile/recipes/web.yaml",
        "skypile/sample/web-zh.jsonl",
        "skypile/sample/code/tea-shop/.gitignore",
        "skypile/sample/code/tea-shop/build/out.js",
        "skypile/py.typed",
        "classifiers/weights/default/model.safetensors",
        "classifiers/weights/default/tokenizer.json",
        "classifiers/weights/default/README.md",
    ):
        assert name in names, name
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_a_corpus_is_built_from_the_wheel_alone(scripts, tmp_path):
    where = "import skypile, classifiers; print(skypile.__file__); print(classifiers.__file__)"
    for path in run(scripts / "python", "-c", where, cwd=tmp_path).split():
        assert str(scripts.parent) in path
    sample = run(
        scripts / "python", "-c", "import skypile; print(skypile.__path__[0])", cwd=tmp_path
    ).strip()
    run(scripts / "skypile", "build", f"{sample}/sample", "--output", "corpus", cwd=tmp_path)
    run(scripts / "skypile", "verify", "corpus", cwd=tmp_path)
    manifest = json.loads((tmp_path / "corpus" / "manifest.json").read_text("utf-8"))
    assert set(manifest["mixture"]["reached"]) == {"code", "en", "zh"}
    assert "beam run" in run(scripts / "beam", "--help", cwd=tmp_path)
