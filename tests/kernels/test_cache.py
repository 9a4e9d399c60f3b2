"""What a kept kernel was compiled from: its own source, and that of all it imports."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import skypile
from skypile.kernels import cache

PACKAGE = Path(skypile.__file__).parent


def imported(path: Path) -> set[Path]:
    """Return the files of the package that a file imports from, by Python's own parser."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("skypile"):
            base = PACKAGE.parent.joinpath(*str(node.module).split("."))
            names = [alias.name for alias in node.names]
            files = [base / name for name in names] if base.is_dir() else [base]
            found |= {each.with_suffix(".py") for each in files}
    return {path for path in found if path.is_file()}


def test_imports_of_kernels_are_those_that_python_sees() -> None:
    modules = sorted((PACKAGE / "kernels").glob("*.py"))
    assert sum(len(imported(path)) for path in modules) > 50
    for path in modules:
        assert cache._imported(path) == imported(path), path.name


def test_a_stamp_covers_what_is_imported_at_any_remove(monkeypatch, tmp_path) -> None:
    kernels = tmp_path / "kernels"
    kernels.mkdir()
    for name, text in {
        "first": "from skypile.kernels.second import (\n    one,\n    two,\n)\n",
        "second": "from skypile.kernels import third\n",
        "third": "three = 3\n",
        "other": "from skypile.kernels.second import one\n",
    }.items():
        (kernels / f"{name}.py").write_text(text)
    monkeypatch.setattr(cache, "_PACKAGE", tmp_path)

    def stamps() -> list[str]:
        cache._imported.cache_clear()
        cache.source_stamp.cache_clear()
        return [cache.source_stamp(kernels / f"{name}.py") for name in ("first", "third")]

    before = stamps()
    (kernels / "other.py").write_text("four = 4\n")
    assert stamps() == before
    (kernels / "third.py").write_text("three = 4\n")
    first, third = stamps()
    assert first != before[0]
    assert third != before[1]


def test_folders_of_kernels_follow_what_they_are_made_of_not_where_it_lies(
    monkeypatch, tmp_path
) -> None:
    def folder(place: str, text: str) -> str:
        path = tmp_path / place / "kernels" / "first.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        monkeypatch.setattr(cache, "_PACKAGE", tmp_path / place)
        return cache._Locator.get_suitable_cache_subpath(str(path))

    assert folder("here", "one = 1\n") == folder("there", "one = 1\n")
    assert folder("here", "one = 1\n").startswith("kernels.first-")
    assert folder("elsewhere", "one = 2\n") != folder("here", "one = 1\n")


def test_of_many_versions_the_last_are_kept(monkeypatch, tmp_path) -> None:
    path = tmp_path / "package" / "kernels" / "first.py"
    path.parent.mkdir(parents=True)
    monkeypatch.setattr(cache, "_PACKAGE", tmp_path / "package")
    monkeypatch.setattr(cache.numba.config, "CACHE_DIR", str(tmp_path / "kept"))
    (tmp_path / "kept" / "kernels.first_lines-0123456789abcdef").mkdir(parents=True)
    for version in range(12):
        path.write_text(f"one = {version}\n")
        cache._imported.cache_clear()
        cache.source_stamp.cache_clear()
        locator = cache._Locator.from_function(_locates, str(path))
        assert locator is not None
        locator.ensure_cache_path()
        os.utime(locator.get_cache_path(), (version, version))
    names = [each.name for each in (tmp_path / "kept").iterdir()]
    assert len(names) == 1 + cache.KEPT_VERSIONS
    assert Path(locator.get_cache_path()).name in names
    cache._imported.cache_clear()
    cache.source_stamp.cache_clear()


def _locates() -> None:
    """Stand for a kernel: only where it begins is looked at."""


GROWN = """
import sys, numpy as np
from skypile.kernels.growing import grown
for kind in sys.argv[1:]:
    assert len(grown(np.zeros((4, 2), kind))) == 8
print(sum(grown.stats.cache_hits.values()))
"""


def test_kernels_come_from_a_folder_that_cannot_be_written(tmp_path) -> None:
    """As images have it, whose root file system is read-only; what is not there is compiled."""
    folder = tmp_path / "numba"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}

    def hits(*kinds: str, command: tuple[str, ...] = ()) -> str:
        found = subprocess.run(
            [*command, sys.executable, "-c", GROWN, *kinds],
            env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return found.stdout.strip()

    assert hits("int64") == "0"
    kept = sorted(folder.rglob("*"))
    for path in (folder, *kept):
        path.chmod(0o555 if path.is_dir() else 0o444)
    # Root may write anywhere, but not without this capability.
    bound = ("setpriv", "--bounding-set=-dac_override") if os.getuid() == 0 else ()
    try:
        assert hits("int64", "int32", command=bound) == "1"
        assert sorted(folder.rglob("*")) == kept
    finally:
        for path in (folder, *kept):
            path.chmod(0o755)
