"""Parquet files and source trees under random damage: readers end, count, and never crash."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import plan_units

PARQUET_RUNS = 400
TREE_RUNS = 60


def test_damaged_parquet_ends_no_process() -> None:
    """12,000 runs of the same found no crash when this was written."""
    script = Path(__file__).with_name("hostile_fuzz.py")
    command = [sys.executable, str(script), "0", str(PARQUET_RUNS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    seeds = done.stdout.split()
    assert done.returncode == 0, f"seed {seeds[-1] if seeds else 'none'}: {done.stderr}"
    assert len(seeds) == PARQUET_RUNS


ALPHABET = [
    b"def f(x):\n",
    b"  return 1\n",
    b"\0",
    b"\xff",
    b"\r\n",
    b"# \xe4\xb8\xad\n",
    b"\xe4",
    b"(",
]
PATTERNS = [
    b"*.py",
    b"!a*",
    b"[",
    b"**/x",
    b"/",
    b"\\",
    b"*a*b*",
    b"a[^b]",
    b"\xff",
    b" ",
    b"#",
    b"a/",
]
PARTS = [b"a", b"b c", b"\xff", b"\n", b"x\x1b[0m", b"[b]", "中".encode(), b".hidden", b"a" * 200]
ENDS = [b".py", b".js", b".PY", b".txt", b".jsonl", b"", b".min.js", b".c"]


def grow(rng: random.Random, root: bytes) -> None:
    """Make a tree of files with odd names and contents, links and .gitignore files."""
    for _ in range(rng.randrange(1, 12)):
        folder = os.path.join(root, *rng.choices(PARTS, k=rng.randrange(4)))
        if os.path.isdir(folder) or not _is_taken(root, folder):
            os.makedirs(folder, exist_ok=True)
            data = b"".join(rng.choices(ALPHABET, k=rng.randrange(12)))
            _put(os.path.join(folder, rng.choice(PARTS) + rng.choice(ENDS)), data)
            _put(os.path.join(folder, b".gitignore"), b"\n".join(rng.choices(PATTERNS, k=2)))
            link = os.path.join(folder, rng.choice(PARTS) + b".c")
            if not os.path.lexists(link):
                os.symlink(rng.choice([link, folder, b"nothing"]), link)


def _is_taken(root: bytes, folder: bytes) -> bool:
    while len(folder) > len(root):
        if os.path.lexists(folder) and not os.path.isdir(folder):
            return True
        folder = os.path.dirname(folder)
    return False


def _put(path: bytes, data: bytes) -> None:
    if not os.path.islink(path) and not os.path.isdir(path):
        with open(path, "wb") as file:
            file.write(data)


def test_random_trees_are_read(tmp_path: Path) -> None:
    rows = 0
    for seed in range(TREE_RUNS):
        rng = random.Random(seed)
        root = os.fsencode(tmp_path / str(seed))
        os.mkdir(root)
        _put(os.path.join(root, b"always.py"), b"x = 1\n")
        grow(rng, root)
        options = ReadOptions(max_document_bytes=rng.choice([10, 1 << 20]))
        for unit in plan_units([os.fsdecode(root)], target_bytes=rng.choice([1, 1 << 20])).units:
            reader, read = open_unit(unit, options), 0
            for batch in reader:
                batch.validate(full=True)
                read += batch.num_rows
            assert read == reader.read
            rows += read
    assert rows > TREE_RUNS
