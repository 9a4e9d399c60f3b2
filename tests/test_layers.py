"""Imports point downwards, and heavy packages are imported where they are owned, on use."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the top: a package may import those further down and itself, never those above it.
LAYERS = [
    ("skypile.cli", "skypile.__main__", "pipelines"),
    ("skypile.beam",),
    ("skypile.forget", "skypile.plan", "skypile.serve"),
    ("skypile.phases", "skypile.verify", "skypile.explain"),
    ("skypile.curate", "skypile.label", "skypile.cascade"),
    (
        "skypile.recipe",
        "skypile.ledger",
        "skypile.mix",
        "skypile.shares",
        "skypile.distribution",
        "skypile.io",
        "skypile.dedup",
    ),
    ("skypile.stages",),
    ("skypile.stage", "skypile.policy", "skypile.tokens", "skypile.pretrain", "skypile.lists"),
    ("skypile.kernels",),
    ("skypile.text", "skypile.urls", "skypile.schema", "skypile.progress", "skypile.prog_langs"),
    ("skypile.errors", "skypile.guard", "skypile.interrupts"),
]
OWNERS = {
    "apache_beam": ("skypile.beam",),
    "numba": ("skypile.kernels", "classifiers.screen_kernel"),
    "llvmlite": ("skypile.kernels",),
    "torch": ("classifiers", "skypile.pretrain"),
    "transformers": ("classifiers", "skypile.pretrain"),
    "huggingface_hub": ("classifiers", "skypile.pretrain"),
}
HEAVY = ("apache_beam", "torch", "transformers", "numba")


def modules() -> dict[str, Path]:
    found = {}
    for folder in ("skypile", "classifiers", "pipelines"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "sample" not in path.parts:
                parts = path.relative_to(ROOT).with_suffix("").parts
                found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def layer_of(module: str) -> int | None:
    for number, packages in enumerate(LAYERS):
        if any(inside(module, package) for package in packages):
            return number
    return None


def test_every_module_has_a_layer_and_imports_point_downwards():
    for module, path in modules().items():
        if module == "skypile" or inside(module, "classifiers"):
            continue
        here = layer_of(module)
        assert here is not None, f"{module} stands in no layer"
        for name in imports(path):
            there = layer_of(name)
            assert there is None or there >= here, f"{module} imports {name} from above"


def test_classifiers_is_a_leaf():
    for module, path in modules().items():
        if inside(module, "classifiers"):
            assert not any(inside(name, "skypile") for name in imports(path)), module


@pytest.mark.parametrize("package", OWNERS)
def test_heavy_packages_are_imported_by_their_owners_only(package):
    for module, path in modules().items():
        if not any(inside(module, owner) for owner in OWNERS[package]):
            assert not any(inside(name, package) for name in imports(path)), module


@pytest.mark.parametrize(
    "code",
    [
        "import skypile",
        "import classifiers",
        "import skypile.curate, skypile.recipe, skypile.ledger, skypile.mix",
        "from skypile.cli.main import run\ntry: run(['--help'])\nexcept SystemExit: pass",
    ],
)
def test_what_is_light_loads_nothing_heavy(code):
    probe = (
        f"{code}\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert found.stderr.strip().splitlines()[-1] == "[]"
